import { hasPrograms, startControlPlane } from '../test/control-plane/control-plane.ts';
import { startDeployment } from '../test/control-plane/deployment.ts';
import { startLoad } from '../test/control-plane/load.ts';
import { createOverlay } from '../test/control-plane/overlay.ts';
import { eventually } from '../test/lib/eventually.ts';
import { summary, type Figure } from './figure.ts';

/** Each takes some ten seconds. */
const ROUNDS = 3;
const REPLICAS = 3;
/** Half of them are of an identity that heals the cluster. More would starve the API server itself on a machine of two cores. */
const PER_SECOND = 100;
const WORKERS = 20;
const WEBHOOKS = '/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/sigma-admission';

/**
 * What a rollout costs under load: all replicas are replaced one after another, on the
 * machine that everything else runs on, too.
 */
export async function* rolloutFigures(): AsyncIterable<Figure> {
  if (!hasPrograms('etcd', 'kube-apiserver', 'kubectl', 'kube-controller-manager')) {
    process.stderr.write(
      'rollout.*: left out; set KUBEBUILDER_ASSETS to a directory of control plane binaries\n',
    );
    return;
  }
  const controlPlane = await startControlPlane({ auditLevel: 'Metadata', without: ['kube-scheduler'] });
  const deployment = await startDeployment(controlPlane, REPLICAS);
  try {
    const overlay = createOverlay({ of: 'overlays/enforce', port: deployment.port });
    const { stderr, exitCode } = await controlPlane.kubectl(['apply', '-k', overlay.directory]);
    overlay.remove();
    if (exitCode !== 0) throw new Error(stderr);
    await deployment.replace({ drain: '1s' });
    await eventually('the requests are sent to us', async () => {
      const { body } = await controlPlane.api('GET', WEBHOOKS);
      return body['webhooks'][0].failurePolicy === 'Fail';
    });
    const path = '/api/v1/namespaces/kube-system/pods?dryRun=All';
    const body = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'rollout', namespace: 'kube-system' },
      spec: { automountServiceAccountToken: false, containers: [{ name: 'c', image: 'busybox:1' }] },
    };
    const token = await controlPlane.createToken('kube-system', 'daemon-set-controller');
    const rounds: Round[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      const load = startLoad(controlPlane, {
        requests: [
          { path, body },
          { path, body, user: { token } },
        ],
        perSecond: PER_SECOND,
        workers: WORKERS,
      });
      await eventually('the load is on', () => load.answered() > 100);
      const begun = performance.now();
      await deployment.rollOut();
      const seconds = (performance.now() - begun) / 1000;
      const { answers, failedOpen } = await load.stop();
      rounds.push({
        seconds,
        failedOpen: failedOpen.filter((entry) => !entry.includes('failing open')).length,
        unasked: countOf(answers, (answer) => answer.startsWith('500') || answer.startsWith('no answer')),
        perSecond: countOf(answers, () => true) / seconds,
      });
    }
    const figure = (name: keyof Round, unit: string, target?: string) =>
      summary(
        `rollout.${name}`,
        unit,
        rounds.map((round) => round[name]),
        target,
      );
    yield figure('failedOpen', 'requests/rollout', '0');
    yield figure('unasked', 'requests/rollout', '0');
    yield figure('perSecond', 'requests/s');
    yield figure('seconds', 's');
  } finally {
    await deployment.stop();
    await controlPlane.stop();
  }
}

interface Round {
  readonly seconds: number;
  /** Let through without a verdict. */
  readonly failedOpen: number;
  /** Refused, or not answered at all, without a verdict. */
  readonly unasked: number;
  /** What the API server answered. */
  readonly perSecond: number;
}

function countOf(answers: Readonly<Record<string, number>>, is: (answer: string) => boolean): number {
  return Object.entries(answers).reduce((sum, [answer, count]) => sum + (is(answer) ? count : 0), 0);
}
