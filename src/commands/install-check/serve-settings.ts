import type { Config } from '../../settings/types.ts';

/** The settings of our replicas, as far as they concern the cluster. */
export type ServeSettings = Pick<
  Config,
  | 'modes'
  | 'manage'
  | 'secret'
  | 'noOwnerReference'
  | 'distribution'
  | 'rulesDirs'
  | 'placeholders'
  | 'minLevel'
  | 'subresources'
>;
