import type { KubernetesObject } from '../kubernetes/admission-review.ts';
import { asObject } from '../kubernetes/as-object.ts';
import { apiVersionOf } from '../kubernetes/objects.ts';
import { controllerOf } from '../kubernetes/owner-reference.ts';
import type { LabelSelector } from '../kubernetes/label-selector.ts';
import { CACHED_KINDS } from './cache.ts';
import {
  WORKLOAD_KINDS,
  type Node,
  type PodTemplate,
  type Revision,
  type Service,
  type Workload,
  type WorkloadKind,
} from './object-index.ts';

/**
 * Keeps the parts of a workload that pods are compared with; undefined of any other object. The items of an API server's
 * list have no `kind`: the caller gives it.
 */
export function workloadFrom(value: unknown, listed?: WorkloadKind): Workload | undefined {
  const object = asObject(value);
  const kind = listed ?? workloadKind(object?.['kind'], object?.['apiVersion']);
  const identity = identityOf(object);
  if (kind === undefined || identity?.namespace === undefined) return undefined;
  const spec = asObject(object?.['spec']);
  const selector = kind === 'ReplicationController' ? labelsOnly(spec?.['selector']) : selectorFrom(spec);
  const owner = controllerOf(object);
  return {
    kind,
    apiVersion: apiVersionOf(kind),
    namespace: identity.namespace,
    name: identity.name,
    uid: identity.uid,
    ...(selector === undefined ? {} : { selector }),
    template: templateFrom(spec?.['template']),
    ...(owner === undefined ? {} : { owner: { kind: owner.kind, name: owner.name } }),
    ...(kind === 'Job' && spec?.['completionMode'] === 'Indexed' ? { indexed: true } : {}),
  };
}

/** Keeps of a ControllerRevision (apps/v1) the template that its workload had when the revision was made. */
export function revisionFrom(value: unknown): Revision | undefined {
  const object = asObject(value);
  const identity = identityOf(object);
  const owner = controllerOf(object);
  if (identity?.namespace === undefined || owner === undefined) return undefined;
  const template = asObject(asObject(object?.['data'])?.['spec'])?.['template'];
  return {
    namespace: identity.namespace,
    name: identity.name,
    ownerUid: owner.uid,
    template: templateFrom(template),
  };
}

export function serviceFrom(value: unknown): Service | undefined {
  const object = asObject(value);
  const identity = identityOf(object);
  if (identity?.namespace === undefined) return undefined;
  const selector = textsOf(asObject(object?.['spec'])?.['selector']);
  return { namespace: identity.namespace, name: identity.name, selector };
}

export function nodeFrom(value: unknown): Node | undefined {
  const identity = identityOf(asObject(value));
  return identity === undefined ? undefined : { name: identity.name, uid: identity.uid };
}

/** Whether a value is an object of a kind that an index keeps. */
export function isKnowable(value: unknown): boolean {
  const { kind, apiVersion } = asObject(value) ?? {};
  const known = CACHED_KINDS.find((each) => each === kind);
  return known !== undefined && apiVersionOf(known) === apiVersion;
}

/** The kind, if its controller makes pods: not a DaemonSet of another API group than `apps`. */
export function workloadKind(kind: unknown, apiVersion: unknown): WorkloadKind | undefined {
  const known = WORKLOAD_KINDS.find((each) => each === kind);
  return known !== undefined && apiVersionOf(known) === apiVersion ? known : undefined;
}

/** The images of a pod or of a pod's template, init containers among them: by container name. */
export function imagesOf(spec: KubernetesObject | undefined): PodTemplate['images'] {
  const images = emptyMap();
  for (const list of [spec?.['initContainers'], spec?.['containers']]) {
    if (!Array.isArray(list)) continue;
    for (const container of list) {
      const { name, image } = asObject(container) ?? {};
      images[text(name)] = text(image);
    }
  }
  return images;
}

/** The entries of a map, such as labels, whose values are texts. */
function textsOf(value: unknown): Readonly<Record<string, string>> {
  const texts = emptyMap();
  for (const [key, each] of Object.entries(asObject(value) ?? {}))
    if (typeof each === 'string') texts[key] = each;
  return texts;
}

/** Clients choose the keys: `__proto__` is a key like any other. */
function emptyMap(): Record<string, string> {
  return Object.create(null) as Record<string, string>;
}

function templateFrom(template: unknown): PodTemplate {
  return { images: imagesOf(asObject(asObject(template)?.['spec'])) };
}

export function identityOf(
  object: KubernetesObject | undefined,
): { readonly name: string; readonly uid: string; readonly namespace: string | undefined } | undefined {
  const { name, uid, namespace } = asObject(object?.['metadata']) ?? {};
  if (typeof name !== 'string' || name === '' || typeof uid !== 'string' || uid === '') return undefined;
  return { name, uid, namespace: typeof namespace === 'string' && namespace !== '' ? namespace : undefined };
}

/** A ReplicationController selects by labels alone. One without any selects nothing. */
function labelsOnly(value: unknown): LabelSelector | undefined {
  const matchLabels = textsOf(value);
  return Object.keys(matchLabels).length === 0 ? undefined : { matchLabels };
}

function selectorFrom(spec: KubernetesObject | undefined): LabelSelector | undefined {
  const selector = asObject(spec?.['selector']);
  if (selector === undefined) return undefined;
  const matchLabels = textsOf(selector['matchLabels']);
  const expressions = selector['matchExpressions'];
  const matchExpressions = Array.isArray(expressions)
    ? expressions.flatMap((each) => {
        const { key, operator, values } = asObject(each) ?? {};
        if (typeof key !== 'string' || typeof operator !== 'string') return [];
        const texts = Array.isArray(values) ? values.filter((value) => typeof value === 'string') : [];
        return [{ key, operator, values: texts }];
      })
    : [];
  return {
    ...(Object.keys(matchLabels).length === 0 ? {} : { matchLabels }),
    ...(matchExpressions.length === 0 ? {} : { matchExpressions }),
  };
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
