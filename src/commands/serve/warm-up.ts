import { parseAdmissionReview } from '../../kubernetes/admission-review.ts';
import { onlyByRuleId, type Modes } from '../../policy/mode.ts';
import type { Ruleset } from '../../policy/ruleset.ts';
import { createReviewer } from '../../webhook/review.ts';

/** So often each entry's review is judged: the first review takes 4 ms of CPU, the twentieth 0.1 ms, all of them together 10 ms. */
const TIMES = 20;

/**
 * Judges a review as `guard` and `observe` do, from its bytes to the bytes of the answer, before a request waits for it: the
 * first reviews of a process are its slowest, and `observe` fails open after a second. Nothing is recorded, counted or looked up.
 */
export async function warmUp({
  ruleset,
  modes,
}: {
  readonly ruleset: () => Ruleset;
  readonly modes: Modes;
}): Promise<void> {
  const quiet = { ruleset, provenance: () => ({}), recorder: { record: () => {} } };
  const body = Buffer.from(JSON.stringify(EXAMPLE));
  for (const by of [modes, onlyByRuleId(modes)]) {
    const review = createReviewer({ ...quiet, modes: by });
    for (let time = 0; time < TIMES; time++)
      JSON.stringify(await review(parseAdmissionReview(body), Infinity, UNDELIVERED));
  }
}

/** No answer goes out. */
const UNDELIVERED = Promise.resolve(false);

/** A pod that a person makes in kube-system, which the rules that ship match. */
const EXAMPLE = {
  apiVersion: 'admission.k8s.io/v1',
  kind: 'AdmissionReview',
  request: {
    uid: '00000000-0000-4000-8000-000000000000',
    kind: { group: '', version: 'v1', kind: 'Pod' },
    resource: { group: '', version: 'v1', resource: 'pods' },
    requestKind: { group: '', version: 'v1', kind: 'Pod' },
    requestResource: { group: '', version: 'v1', resource: 'pods' },
    name: 'warm-up',
    namespace: 'kube-system',
    operation: 'CREATE',
    userInfo: { username: 'warm-up', groups: ['system:authenticated'] },
    object: {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'warm-up', namespace: 'kube-system', labels: { app: 'warm-up' } },
      spec: {
        hostNetwork: true,
        volumes: [{ name: 'a', hostPath: { path: '/' } }],
        containers: [{ name: 'a', image: 'a', command: ['a'], securityContext: { privileged: true } }],
      },
    },
    oldObject: null,
    dryRun: true,
    options: { apiVersion: 'meta.k8s.io/v1', kind: 'CreateOptions' },
  },
};
