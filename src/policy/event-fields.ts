import { FIELD_MAPPING } from '../kubernetes/field-mapping.ts';
import { mapFields, mapItems } from '../sigma/field-mapping.ts';
import type { Tree } from '../sigma/tree.ts';

/**
 * The tree with its fields where the event has them. Time modifiers read the time the request was received by the best clock
 * a door has: admission shows no timestamps, but it happens now.
 */
export function mapToEvent(tree: Tree): Tree {
  return mapItems(mapFields(tree, FIELD_MAPPING), (item) =>
    item.field === 'requestReceivedTimestamp' && item.predicates.every(({ kind }) => kind === 'time')
      ? { ...item, paths: ['receivedAt'] }
      : item,
  );
}

/** The fields of an audit event that are always maps, if they are there; those of an object's metadata among them. */
export const MAP_FIELDS: readonly string[] = [
  ...['user', 'user.extra', 'impersonatedUser', 'impersonatedUser.extra', 'authenticationMetadata'],
  ...['objectRef', 'annotations', 'responseStatus', 'responseStatus.details', 'provenance'],
  ...['requestObject', 'responseObject'].flatMap((object) =>
    ['', '.metadata', '.metadata.labels', '.metadata.annotations'].map((field) => object + field),
  ),
];
