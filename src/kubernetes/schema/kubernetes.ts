import schema from './kubernetes.json' with { type: 'json' };
import type { Schema } from './schema.ts';

/** The schema of one version of Kubernetes, for where no cluster is asked for its own: `npm run schema` writes it. */
export const KUBERNETES: Schema = schema;
