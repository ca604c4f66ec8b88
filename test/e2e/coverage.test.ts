import { PassThrough, Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { installCheck } from '../../src/commands/install-check/install-check.ts';
import type { Json } from '../control-plane/api-client.ts';
import { startControlPlane, type OwnControlPlane } from '../control-plane/control-plane.ts';
import { startDeployment, type Deployment } from '../control-plane/deployment.ts';
import { createOverlay, type OverlayOptions } from '../control-plane/overlay.ts';
import { eventually } from '../lib/eventually.ts';
import { describeWithPrograms } from './lib/describe-with-control-plane.ts';
import { pod } from './lib/webhook.ts';

const NAMESPACE = 'sigma-admission';
const CONFIGURATION = '/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/sigma-admission';
const EXEC = 'e9ef1706-9fe5-4813-bb94-cc024c762db5';
/** One digit is wrong. */
const UNKNOWN = 'e9ef1706-9fe5-4813-bb94-cc024c762db6';
const SOON_MS = 30_000;

describeWithPrograms('What the settings ask for and is not in force', () => {
  let controlPlane: OwnControlPlane;
  let deployment: Deployment;

  beforeAll(async () => {
    controlPlane = await startControlPlane({ without: ['kube-controller-manager', 'kube-scheduler'] });
    deployment = await startDeployment(controlPlane, 2);
  }, 60_000);
  afterAll(async () => {
    await deployment?.stop();
    await controlPlane?.stop();
  }, 60_000);

  /** Applies an overlay of ours and starts all replicas anew with it. */
  async function install(options: Omit<OverlayOptions, 'port'>): Promise<void> {
    const overlay = createOverlay({ ...options, port: deployment.port });
    const { exitCode, stderr } = await controlPlane.kubectl(['apply', '-k', overlay.directory]);
    overlay.remove();
    if (exitCode !== 0) throw new Error(stderr);
    await deployment.replace();
  }

  const readyz = () => Promise.all(deployment.replicas.map((replica) => replica.readyz()));
  const lineOf = (said: string, check: string) =>
    said
      .split('\n')
      .find((line) => line.includes(`]${check} `))
      ?.replace(/ \(seen .*/, '');
  const guardPolicy = async () => {
    const { body } = await controlPlane.api('GET', CONFIGURATION);
    return body['webhooks']?.find(({ name }: Json) => name.startsWith('guard.'))?.failurePolicy;
  };

  /** What `install check` says of coverage, and how it ends. */
  async function checked() {
    const [stdout, stderr] = [new PassThrough(), new PassThrough()];
    const config = {
      rulesDirs: ['rules'],
      filtersDirs: ['filters'],
      namespace: NAMESPACE,
      kubeconfig: controlPlane.kubeconfig(),
      webhookConfiguration: 'sigma-admission',
      auditLogs: [],
      format: 'json',
    } as const;
    const exitCode = await installCheck(config, { stdin: Readable.from([]), stdout, stderr, env: {} });
    const { findings } = JSON.parse(await text(stdout.end())) as { findings: readonly Json[] };
    const { verdict, found, details } = findings.find(({ check }) => check === 'coverage') ?? {};
    return { exitCode, verdict, found, details };
  }

  it('for an id that names no rule is said everywhere, and pods are judged: all replicas start with guard on Fail', async () => {
    await install({ of: 'overlays/enforce' });
    await eventually('guard fails closed', async () => (await guardPolicy()) === 'Fail', SOON_MS);
    await install({ of: 'overlays/enforce', modes: [`${UNKNOWN}: enforce`] });
    const refused = await eventually(
      'a pod is judged',
      async () => {
        const body = pod('kube-proxy-bv61v', 'kube-system');
        const answer = await controlPlane.api('POST', '/api/v1/namespaces/kube-system/pods?dryRun=All', {
          body,
        });
        return String(answer.body['message']).includes('denied the request') && answer.body['message'];
      },
      SOON_MS,
    );
    expect(refused).toContain(
      'admission webhook "guard.sigma-admission.svc" denied the request: Creation Of Pod In System Namespace',
    );
    expect(await guardPolicy()).toBe('Fail');
    const why = `${UNKNOWN}: enforce: no loaded rule has this id (did you mean ${EXEC}?)`;
    const lines = await eventually('the entries were read', async () => {
      const said = (await readyz()).map((each) => lineOf(each, 'coverage'));
      return said.every((line) => line?.includes('rules asked')) && said;
    });
    expect(new Set(lines)).toEqual(
      new Set([
        `[!]coverage wrong: ${why}; rules asked: 15, in part: 0, never: 0; 14 in a lesser mode than wished for`,
      ]),
    );
    const [replica] = deployment.replicas;
    expect(
      replica?.log.filter(({ level }) => level === 50).map(({ msg, rules }) => ({ msg, rules }))[0],
    ).toEqual({ msg: 'what the settings ask for is not in force', rules: [why] });
    expect(await replica?.metrics()).toContain(
      `sigma_admission_rule_coverage{rule="${UNKNOWN}",asked="never",wished="enforce",mode="none"} 1\n`,
    );
    await eventually('an Event says so', async () => {
      const { body } = await controlPlane.api('GET', `/apis/events.k8s.io/v1/namespaces/${NAMESPACE}/events`);
      return body['items'].some(({ reason, note }: Json) => reason === 'UnknownRule' && note === why);
    });
    expect(await checked()).toEqual({
      exitCode: 1,
      verdict: 'failed',
      found: 'what the settings ask for is not in force',
      details: [why, 'rules asked: 15, in part: 0, never: 0; 14 in a lesser mode than wished for'],
    });
  }, 120_000);

  it('for a rule that nothing sends us is said', async () => {
    await install({ of: 'overlays/enforce', manage: 'ca', modes: [`${EXEC.slice(0, 8)}: enforce`] });
    const asked =
      '[+]coverage ok: rules asked: 15, in part: 0, never: 0; 13 in a lesser mode than wished for';
    await eventually('all is asked', async () =>
      (await readyz()).every((each) => lineOf(each, 'coverage') === asked),
    );
    const { body } = await controlPlane.api('GET', CONFIGURATION);
    const webhooks = body['webhooks'].filter(({ name }: Json) => !name.startsWith('other'));
    await controlPlane.api('PUT', CONFIGURATION, { body: { ...body, webhooks } });
    const never = `rule "Exec Into Pod" (${EXEC}; enforce) is never asked: nothing sends us CONNECT pods/attach in every namespace, CONNECT pods/exec in every namespace`;
    await eventually('it is said', async () =>
      (await readyz()).every((each) => lineOf(each, 'coverage')?.startsWith(`[!]coverage wrong: ${never}`)),
    );
    const { details, ...others } = await checked();
    expect(others).toEqual({
      exitCode: 1,
      verdict: 'failed',
      found: 'what the settings ask for is not in force',
    });
    expect(details[0]).toBe(never);
  }, 120_000);
});
