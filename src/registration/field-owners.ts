import { asObject } from '../kubernetes/as-object.ts';
import type { RegisteredConfiguration } from './registered-webhook.ts';

/** The name under which we write. */
export const FIELD_MANAGER = 'sigma-admission';

/** A field of an entry, as `differingFields` names it, or a whole entry. */
export interface EntryField {
  readonly entry: string;
  readonly field?: string;
}

/**
 * The field manager that owns what was changed, as it calls itself: the API server makes the client that changes a field its owner. A
 * field that was removed has no owner, so that nobody is named for it.
 */
export function ownerOf(
  { metadata }: RegisteredConfiguration,
  changed: readonly EntryField[],
): string | undefined {
  const owners = (metadata.managedFields ?? []).filter(
    ({ manager, fieldsV1 }) => manager !== FIELD_MANAGER && changed.some((each) => owns(fieldsV1, each)),
  );
  return owners.toSorted((one, other) => ((one.time ?? '') < (other.time ?? '') ? 1 : -1))[0]?.manager;
}

function owns(fields: unknown, { entry, field }: EntryField): boolean {
  const owned = ownedEntry(fields, entry);
  if (field === undefined || owned === undefined) return owned !== undefined;
  return at(owned, [`f:${field}`]) !== undefined || at(owned, ['f:clientConfig', `f:${field}`]) !== undefined;
}

/** Whether a field manager owns a field of an entry, by whichever operation. */
export function isOwnedBy(
  { metadata }: RegisteredConfiguration,
  entry: string,
  by: (owner: { readonly manager?: string; readonly operation?: string }) => boolean,
): boolean {
  return (metadata.managedFields ?? []).some(
    (owner) => by(owner) && ownedEntry(owner.fieldsV1, entry) !== undefined,
  );
}

/** fieldsV1 names an item of a list by its key: `k:{"name":"guard.sigma-admission.svc"}`. */
function ownedEntry(fields: unknown, name: string): unknown {
  return at(fields, ['f:webhooks', `k:${JSON.stringify({ name })}`]);
}

function at(value: unknown, path: readonly string[]): unknown {
  return path.reduce<unknown>((within, key) => asObject(within)?.[key], value);
}
