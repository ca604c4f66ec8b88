import { asObject } from '../kubernetes/as-object.ts';
import { UNKNOWN, type Unknown } from '../sigma/match/fields.ts';
import { indexOf, type Family, type ImitationIndex } from './imitation-index.ts';
import type { ObjectIndex, Service, Workload } from './object-index.ts';
import type { OwnedPod, OwnerFinding } from './owner.ts';
import { isGeneratedSuffix, isOrdinal, MAX_NAME, abbreviate } from './pod-names.ts';
import { isSubset, selects, type Labels } from '../kubernetes/label-selector.ts';
import { staticPodClues, type Clue } from './static-pods.ts';
import { imagesOf, workloadKind } from './project.ts';

/** The workload or static pod that a pod passes for, with the evidence. */
export interface Imitation {
  /** `DaemonSet kube-proxy`. */
  readonly imitates?: string | Unknown;
  /** Sentences without an end, the strongest first. */
  readonly evidence?: readonly string[] | Unknown;
}

const MAX_EVIDENCE = 8;
/** Of the clues; the rest of the evidence is for images and oddities. */
const MAX_CLUES = 5;
const UNSAID: Imitation = { imitates: UNKNOWN, evidence: UNKNOWN };

/**
 * The workload or static pod that a pod imitates. A verified pod imitates none. Any other pod imitates a workload by one of
 *
 * - naming it as its owner, when it is not,
 * - a name like its pods': the workload's, `-`, and what a controller would add, or the like of it,
 * - labels that the workload's selector selects, by which its controller adopts it,
 * - labels that put it behind a Service with the workload's pods,
 * - an image that is called like the workload and comes from elsewhere.
 *
 * Some things do not count alone, because honest pods have them: the same image (debugging, shared tools), some of the same labels, a
 * name that begins the same and goes on in words (`coredns-test-connection`, `node-debugger-…`, `helper-pod-create-…`), a
 * Service that selects no workload's pods (an addon's bare pod has its own).
 *
 * Unknown where the owner may yet be verified, and at admission where a namespace is not known completely: its objects may be
 * old. Of an existing pod, read together with the others, evidence counts all the same; only its absence does not.
 */
export function imitationOf(
  pod: OwnedPod,
  owner: OwnerFinding,
  objects: ObjectIndex,
  isExisting: boolean,
): Imitation {
  const { verified, claim } = owner;
  const oddities = claim === undefined ? [] : odditiesOf(owner);
  if (verified === true) return withEvidence({}, oddities);
  const isForeign = claim !== undefined && workloadKind(claim.kind, claim.apiVersion) === undefined;
  const mayBeReal = verified === UNKNOWN && (!isForeign || claim.kind === 'Node');
  const isComplete = objects.complete(pod.namespace);
  if (mayBeReal || (!isComplete && !isExisting)) return UNSAID;
  const index = indexOf(objects.workloadsIn(pod.namespace));
  const found = new Map<string, Candidate>();
  const add = (family: Family, weight: number, text: string) =>
    addClue(found, called(family), { weight, text }, family);
  addOwner(owner, namedWorkload(pod, owner, objects), index, add);
  addNames(pod.name, index, add);
  addLabels(pod.labels, index, objects.servicesIn(pod.namespace), add);
  addImages(pod, index, add);
  for (const { of, clue } of staticPodClues(pod, objects, isExisting)) addClue(found, of, clue);
  const [strongest] = [...found].toSorted(
    ([a, { clues: of }], [b, { clues: others }]) => weightOf(others) - weightOf(of) || b.length - a.length,
  );
  if (strongest === undefined) return isComplete ? withEvidence({}, oddities) : UNSAID;
  const [imitates, { family, clues }] = strongest;
  const texts = clues.toSorted((a, b) => b.weight - a.weight).map(({ text }) => text);
  const different = family === undefined ? [] : differentImages(pod, family);
  return withEvidence({ imitates }, [...texts.slice(0, MAX_CLUES), ...different, ...oddities]);
}

/** A family that a pod may pass for, with the clues. */
interface Candidate {
  readonly family: Family | undefined;
  readonly clues: Clue[];
}

function addClue(found: Map<string, Candidate>, of: string, clue: Clue, family?: Family): void {
  const known = found.get(of);
  if (known === undefined) found.set(of, { family, clues: [clue] });
  else known.clues.push(clue);
}

/** The workload that a pod names as its owner, whatever uid the reference has. */
function namedWorkload({ namespace }: OwnedPod, { claim }: OwnerFinding, objects: ObjectIndex) {
  const kind = workloadKind(claim?.kind, claim?.apiVersion);
  return kind === undefined || claim === undefined
    ? undefined
    : objects.workload({ kind, namespace, name: claim.name });
}

type Add = (family: Family, weight: number, text: string) => void;

const WEIGHTS = { owner: 8, name: 4, labels: 3, service: 2, image: 1 } as const;

function weightOf(clues: readonly Clue[]): number {
  return clues.reduce((sum, { weight }) => sum + weight, 0);
}

/** An owner reference that no controller writes. It proves nothing alone: a mirror pod's lacks the field, too. */
function odditiesOf({ claim }: OwnerFinding): readonly string[] {
  return claim === undefined || claim.kind === 'Node' || claim.blockOwnerDeletion
    ? []
    : ['its owner reference lacks blockOwnerDeletion, which controllers set'];
}

/** A workload the index does not have, because it was read freshly, is a family alone. */
function addOwner(
  { claim, workload }: OwnerFinding,
  named: Workload | undefined,
  { familyOf }: ImitationIndex,
  add: Add,
) {
  const owner = workload ?? named;
  if (claim === undefined || owner === undefined) return;
  const family = familyOf.get(owner) ?? { ...(owner.owner ?? owner), members: [owner] };
  add(family, WEIGHTS.owner, `it names ${claim.kind} ${abbreviate(claim.name)} as its owner`);
}

const SUFFIX_LENGTH = 5;
const LIKE_SUFFIX = /^[a-z\d]{5}$/;
/** A hash, an index or minutes, or the like of them, and a suffix. Words do not match: `proxy-autoscaler-abcde`. */
const LIKE_HASH = /^(?<hash>[456789bcdf]{1,10}|(?=[a-z]*\d)[a-z\d]{1,10})-(?<suffix>[a-z\d]{5})$/;
/** The end of a ReplicaSet's name: decimal digits, each written as one of these. */
const HASH = /^[456789bcdf]{1,10}$/;

function addNames(name: string, { byBase, byName }: ImitationIndex, add: Add) {
  if (name.length > MAX_NAME) return;
  const said = new Set<Family>();
  const say = (families: readonly Family[] | undefined, textOf: (family: Family) => string | undefined) => {
    for (const family of families ?? []) {
      const text = said.has(family) ? undefined : textOf(family);
      if (text === undefined) continue;
      said.add(family);
      add(family, WEIGHTS.name, `name ${abbreviate(name)} ${text}`);
    }
  };
  const suffix = name.slice(-SUFFIX_LENGTH);
  if (LIKE_SUFFIX.test(suffix))
    say(byBase.get(name.slice(0, -SUFFIX_LENGTH)), (family) =>
      isGeneratedSuffix(suffix) ? `is like those of the pods of ${called(family)}` : NO_SUCH_SUFFIX,
    );
  say(byName.get(name), (family) => `is that of ${called(family)}`);
  for (let dash = name.indexOf('-'); dash !== -1; dash = name.indexOf('-', dash + 1)) {
    const rest = name.slice(dash + 1);
    say(byName.get(name.slice(0, dash)), (family) => restLike(rest, family));
  }
}

const NO_SUCH_SUFFIX = 'has a suffix no controller generates';

/** Says in words how the rest of a pod's name, after the workload's, is like the rest of the names of the workload's pods. */
function restLike(rest: string, family: Family): string | undefined {
  const of = called(family);
  if (family.kind === 'StatefulSet' && isOrdinal(rest)) return `is one that ${of} gives its pods`;
  if (LIKE_SUFFIX.test(rest)) return `begins like those of the pods of ${of}`;
  const { hash, suffix } = LIKE_HASH.exec(rest)?.groups ?? {};
  if (hash === undefined || suffix === undefined) return undefined;
  if (!isGeneratedSuffix(suffix)) return NO_SUCH_SUFFIX;
  if (family.kind === 'Deployment' && !HASH.test(hash)) return 'has a hash no ReplicaSet has';
  return `is like those of the pods of ${of}`;
}

/** More Services than these say nothing more. */
const MAX_SERVICES = 8;

function addLabels(labels: Labels, index: ImitationIndex, services: Iterable<Service>, add: Add) {
  for (const workload of index.selecting(labels)) {
    const family = index.familyOf.get(workload);
    if (family !== undefined && selects(workload.selector, labels))
      add(family, WEIGHTS.labels, `labels match the selector of ${called(workload)}, which adopts such pods`);
  }
  let count = 0;
  for (const { name, selector } of services) {
    if (Object.keys(selector).length === 0 || !isSubset(selector, labels)) continue;
    for (const family of index.selectedBy(selector))
      add(family, WEIGHTS.service, `labels select it into Service ${abbreviate(name)}`);
    count += 1;
    if (count === MAX_SERVICES) return;
  }
}

/** A pod may have as many containers as a client likes. */
const MAX_IMAGES = 32;

function addImages(pod: OwnedPod, { byName }: ImitationIndex, add: Add) {
  for (const image of imagesIn(pod)) {
    const repository = repositoryOf(image);
    for (const family of byName.get(repository.slice(repository.lastIndexOf('/') + 1)) ?? [])
      if (!imagesOfFamily(family).some((own) => repositoryOf(own) === repository))
        add(
          family,
          WEIGHTS.image,
          `image ${abbreviate(image)} is called like ${called(family)} and comes from elsewhere`,
        );
  }
}

/** Two differing images are evidence enough. */
const MAX_DIFFERENT = 2;

function differentImages(pod: OwnedPod, family: Family): readonly string[] {
  const own = imagesOfFamily(family);
  return imagesIn(pod)
    .filter((image) => image !== '' && !own.includes(image))
    .slice(0, MAX_DIFFERENT)
    .map((image) => `image ${abbreviate(image)} differs from ${called(family)}`);
}

function imagesIn({ object }: OwnedPod): readonly string[] {
  return [...new Set(Object.values(imagesOf(asObject(object['spec']))))].slice(0, MAX_IMAGES);
}

function imagesOfFamily({ members }: Family): readonly string[] {
  return members.flatMap(({ template }) => Object.values(template.images));
}

/** An image without its tag and digest. A registry's port is no tag. */
function repositoryOf(image: string): string {
  const [undigested = ''] = image.split('@');
  const colon = undigested.lastIndexOf(':');
  return colon > undigested.lastIndexOf('/') ? undigested.slice(0, colon) : undigested;
}

function called({ kind, name }: { readonly kind: string; readonly name: string }): string {
  return `${kind} ${abbreviate(name)}`;
}

function withEvidence(imitation: Imitation, evidence: readonly string[]): Imitation {
  return evidence.length === 0 ? imitation : { ...imitation, evidence: evidence.slice(0, MAX_EVIDENCE) };
}
