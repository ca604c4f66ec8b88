import type { Unknown } from '../sigma/fields.ts';
import type { KnownObjects } from './known-objects.ts';
import type { OwnedPod, OwnerFinding } from './owner.ts';

/** What a pod passes for, and by what. */
export interface Imitation {
  readonly imitates?: string | Unknown;
  readonly evidence?: readonly string[] | Unknown;
}

export function imitationOf(_pod: OwnedPod, _owner: OwnerFinding, _objects: KnownObjects): Imitation {
  return {};
}
