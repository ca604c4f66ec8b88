import { UNKNOWN_AT_ADMISSION, type AuditEvent, type Observation } from '../../kubernetes/audit-event.ts';
import type { KubernetesObject } from '../../kubernetes/admission-review.ts';
import { asObject } from '../../kubernetes/as-object.ts';
import { apiVersionOf, KINDS, type Kind } from '../../kubernetes/objects.ts';

/** What makes pods, and what makes that, then pods. */
export const SCANNED_KINDS = Object.keys(KINDS) as readonly Kind[];

/** Kinds that no rule is asked about: they only tell where pods come from. */
const UNJUDGED: readonly Kind[] = ['Node', 'Service', 'ControllerRevision'];

export function isJudged(kind: Kind): boolean {
  return !UNJUDGED.includes(kind);
}

/** An object as it stands in the cluster, or in a file. */
export interface ScannedObject {
  readonly kind: Kind;
  /** As it was written: `batch/v1beta1` of an old file. */
  readonly apiVersion: string;
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly object: KubernetesObject;
}

/**
 * Reads an object; undefined if it is none, or of a kind that scan does not read. Members of a list may leave out what
 * they are, which the list then says: `listKind` is `PodList`.
 */
export function scannedObject(value: unknown, listKind?: string): ScannedObject | undefined {
  const found = asObject(value);
  const metadata = asObject(found?.['metadata']);
  if (found === undefined || metadata === undefined) return undefined;
  const kind = kindOf(found, listKind);
  const name = textOf(metadata['name']);
  if (kind === undefined || name === '') return undefined;
  const apiVersion = textOf(found['apiVersion']) || apiVersionOf(kind);
  // What a controller or kubelet says about it later was not in the create.
  const { status: _, ...rest } = found;
  const namespace = textOf(metadata['namespace']) || (kind === 'Node' ? '' : 'default');
  const placed = namespace === textOf(metadata['namespace']) ? metadata : { ...metadata, namespace };
  const object = { ...rest, apiVersion, kind, metadata: placed };
  return { kind, apiVersion, namespace, name, uid: textOf(metadata['uid']), object };
}

function kindOf(object: KubernetesObject, listKind: string | undefined): Kind | undefined {
  const { kind, apiVersion } = object;
  if (typeof kind !== 'string')
    return SCANNED_KINDS.find((each) => `${each}List` === (listKind ?? (isPod(object) ? 'PodList' : '')));
  const group = textOf(apiVersion).includes('/') ? textOf(apiVersion).split('/')[0] : '';
  return SCANNED_KINDS.find((each) => each === kind && KINDS[each].group === group);
}

function isPod({ spec }: KubernetesObject): boolean {
  return Array.isArray(asObject(spec)?.['containers']);
}

const UNKNOWN_IN_CLUSTER: readonly (keyof AuditEvent)[] = [...UNKNOWN_AT_ADMISSION, 'user'];

/** The event of the create that this object would have been. Who asked is not in it. */
export function observationOf(
  { kind, apiVersion, namespace, name, object }: ScannedObject,
  provenance: Readonly<Record<string, unknown>>,
): Observation {
  const { group, resource } = KINDS[kind];
  return {
    uid: '',
    event: {
      kind: 'Event',
      apiVersion: 'audit.k8s.io/v1',
      verb: 'create',
      objectRef: {
        resource,
        namespace: namespace === '' ? undefined : namespace,
        name,
        apiGroup: group === '' ? undefined : group,
        apiVersion: apiVersion.split('/').at(-1),
      },
      requestObject: object,
      provenance,
    },
    verbs: ['create'],
    unknown: UNKNOWN_IN_CLUSTER,
    receivedAt: textOf(asObject(object['metadata'])?.['creationTimestamp']),
    dryRun: false,
  };
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
