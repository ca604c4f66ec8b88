import type { KubernetesObject } from './admission-review.ts';

/** A value of somebody's JSON, if it is an object; a list is none. */
export function asObject(value: unknown): KubernetesObject | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as KubernetesObject)
    : undefined;
}
