/** What a door says of a rule; `never asked` where no request reached it. */
export type Verdict = 'matches' | 'filtered' | 'not judged' | '-' | 'never asked';

/** A rule that shows a difference which no rule of ours does, and what log and admission say of it. */
export interface MadeToDiffer {
  /** As docs/parity.md calls it. */
  readonly difference: string;
  readonly scenario: string;
  readonly detection: object;
  readonly log: Verdict;
  readonly admission: Verdict;
}

/** Asked with `subresources: literal`. */
export const MADE_TO_DIFFER: readonly MadeToDiffer[] = [
  {
    difference: 'update and patch',
    scenario: 'replace',
    detection: { verb: 'patch' },
    log: '-',
    admission: 'matches',
  },
  {
    difference: 'CONNECT options',
    scenario: 'exec-spdy',
    detection: { 'objectRef.subresource': 'exec', 'requestObject.command': 'id' },
    log: '-',
    admission: 'matches',
  },
  {
    difference: 'patch bodies',
    scenario: 'label-patch',
    detection: { verb: 'patch', 'requestObject.metadata.namespace': '*' },
    log: '-',
    admission: 'matches',
  },
  {
    difference: 'delete bodies',
    scenario: 'delete-pod',
    detection: { verb: 'delete', 'requestObject.apiVersion': 'meta.k8s.io/v1' },
    log: '-',
    admission: 'matches',
  },
  {
    difference: 'defaulting and mutation',
    scenario: 'create-name-admin',
    detection: { 'requestObject.spec.serviceAccountName': 'default' },
    log: '-',
    admission: 'matches',
  },
  {
    difference: 'generated names',
    scenario: 'create-generate-name',
    detection: { 'objectRef.name|startswith': 'kube-proxy-' },
    log: '-',
    admission: 'matches',
  },
  {
    difference: 'references',
    scenario: 'replace',
    detection: { 'objectRef.uid': '*' },
    log: 'matches',
    admission: '-',
  },
  {
    difference: "a Namespace's own namespace",
    scenario: 'namespace-create',
    detection: { 'objectRef.namespace': 'kube-systern' },
    log: '-',
    admission: 'matches',
  },
  {
    difference: 'deletecollection',
    scenario: 'delete-collection',
    detection: { 'objectRef.name|exists': true },
    log: '-',
    admission: 'matches',
  },
];
