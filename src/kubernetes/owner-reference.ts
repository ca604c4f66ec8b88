import type { KubernetesObject } from './admission-review.ts';
import { asObject } from './as-object.ts';

/** An owner reference (meta/v1) with `controller: true`; what is absent or no text is empty. */
export interface ControllerReference {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  readonly uid: string;
  readonly blockOwnerDeletion: boolean;
}

/** The controller an object names as its owner: a claim. The API server lets an object name one at most. */
export function controllerOf(object: KubernetesObject | undefined): ControllerReference | undefined {
  const owners = asObject(object?.['metadata'])?.['ownerReferences'];
  const owner = Array.isArray(owners)
    ? owners.map(asObject).find((each) => each?.['controller'] === true)
    : undefined;
  if (owner === undefined) return undefined;
  const { apiVersion, kind, name, uid } = owner;
  return {
    apiVersion: text(apiVersion),
    kind: text(kind),
    name: text(name),
    uid: text(uid),
    blockOwnerDeletion: owner['blockOwnerDeletion'] === true,
  };
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
