import { FIELD_MAPPING } from '../kubernetes/field-mapping.ts';
import { mapFields, mapItems } from '../sigma/match/field-mapping.ts';
import type { Tree } from '../sigma/match/tree.ts';
import type { Door } from './door.ts';

/**
 * The tree with its fields where an event of this door has them. Time modifiers read the time the request was received by
 * the best clock a door has: admission shows no timestamps, but it happens now. What is in a cluster came at some time.
 */
export function mapToEvent(tree: Tree, door: Door): Tree {
  const mapped = mapFields(tree, FIELD_MAPPING);
  if (door === 'scan') return mapped;
  return mapItems(mapped, (item) =>
    item.field === 'requestReceivedTimestamp' && item.predicates.every(({ kind }) => kind === 'time')
      ? { ...item, paths: ['receivedAt'] }
      : item,
  );
}

/** The fields of an audit event that are always maps, if they are there; those of an object's metadata among them. */
export const MAP_FIELDS: readonly string[] = [
  ...['user', 'user.extra', 'impersonatedUser', 'impersonatedUser.extra', 'authenticationMetadata'],
  ...[
    'objectRef',
    'annotations',
    'responseStatus',
    'responseStatus.details',
    'provenance',
    'provenance.owner',
  ],
  ...['requestObject', 'responseObject'].flatMap((object) =>
    ['', '.metadata', '.metadata.labels', '.metadata.annotations'].map((field) => object + field),
  ),
];
