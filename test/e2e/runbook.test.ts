import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { Json } from '../control-plane/api-client.ts';
import { startDeployment, type Deployment } from '../control-plane/deployment.ts';
import { describeWithControlPlane } from './lib/describe-with-control-plane.ts';
import { eventually } from '../lib/eventually.ts';
import { runToEnd } from '../control-plane/kubectl.ts';
import { otherClock } from './lib/other-clock.ts';
import { createOverlay } from '../control-plane/overlay.ts';
import { pod } from './lib/webhook.ts';

const RUNBOOK = readFileSync(join(import.meta.dirname, '../../docs/runbook.md'), 'utf8');
const NAMESPACE = 'sigma-admission';
const CONFIGURATION = '/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/sigma-admission';
const ALICE = { name: 'alice', groups: ['system:masters'] };

const TITLE = 'Creation Of Pod In System Namespace: pods kube-system/mended by alice';
const DENIED = `admission webhook "guard.sigma-admission.svc" denied the request: ${TITLE}`;
const NOT_ASKED = 'failed calling webhook "guard.sigma-admission.svc"';
/** What is to be seen within ten seconds, by whoever waits three times that. */
const SOON_MS = 30_000;
/** The replicas' clocks go faster than ours: what they do every few seconds is waited for often here. */
const SPEED = 4;

/** The commands as the runbook has them: those that stand below `<!-- tried: NAME -->`. */
function commandsOf(name: string): string {
  const [, commands] =
    new RegExp(`<!-- tried: ${name} -->\\s+\`\`\`sh\\n(.*?)\`\`\``, 's').exec(RUNBOOK) ?? [];
  if (commands === undefined) throw new Error(`the runbook has no commands called ${name}`);
  return commands;
}

describeWithControlPlane(
  'The runbook',
  (controlPlane) => {
    let deployment: Deployment;
    const directory = mkdtempSync(join(tmpdir(), 'sigma-admission-runbook-'));

    beforeAll(async () => {
      deployment = await startDeployment(controlPlane, 2);
      await applyOverlay();
      await deployment.replace();
      await aliceIs('denied');
    });
    afterAll(async () => {
      await controlPlane.kubectl([
        'delete',
        'validatingwebhookconfiguration',
        NAMESPACE,
        '--ignore-not-found',
      ]);
      await controlPlane.kubectl(['delete', 'namespace', NAMESPACE]);
      await deployment?.stop();
      rmSync(directory, { recursive: true });
    });

    async function applyOverlay(): Promise<void> {
      const overlay = createOverlay({ of: 'overlays/enforce', port: deployment.port });
      const { exitCode, stderr } = await controlPlane.kubectl(['apply', '-k', overlay.directory]);
      overlay.remove();
      if (exitCode !== 0) throw new Error(stderr);
    }

    /** As an operator does who pastes them. */
    async function paste(name: string): Promise<void> {
      const env = {
        PATH: [process.env['KUBEBUILDER_ASSETS'], process.env['PATH']].join(delimiter),
        HOME: controlPlane.directory,
        KUBECONFIG: controlPlane.kubeconfig(),
      };
      const script = `cd ${directory}\n${commandsOf(name)}`;
      const { exitCode, stderr } = await runToEnd('bash', ['-euo', 'pipefail', '-c', script], env);
      if (exitCode !== 0) throw new Error(`${name}: ${stderr}`);
    }

    /** What comes of it when alice makes a pod in kube-system. */
    async function aliceIs(expected: 'denied' | 'warned' | 'let in' | 'refused unasked'): Promise<string> {
      return eventually(
        `alice is ${expected}`,
        async () => {
          const { status, body, warnings } = await controlPlane.api(
            'POST',
            '/api/v1/namespaces/kube-system/pods?dryRun=All',
            { body: pod('mended', 'kube-system'), user: ALICE },
          );
          const message = String(body['message']);
          const outcomes = {
            denied: message.startsWith(DENIED),
            warned: status === 201 && warnings[0]?.startsWith(TITLE) === true,
            'let in': status === 201 && warnings.length === 0,
            'refused unasked': message.includes(NOT_ASKED),
          };
          expect(Object.entries(outcomes).find(([, is]) => is)?.[0]).toBe(expected);
          return expected;
        },
        SOON_MS,
      );
    }

    /** Some replica's log has a line with all of this. */
    function isLogged(...texts: readonly string[]): Promise<true> {
      return eventually(
        `it is logged: ${texts.join(', ')}`,
        () =>
          deployment.replicas
            .flatMap(({ log }) => log)
            .some((line) => texts.every((text) => JSON.stringify(line).includes(text))),
        SOON_MS,
      );
    }
    const refreshed = () => Promise.all(deployment.replicas.map((replica) => replica.refresh()));
    const metrics = async () =>
      (await Promise.all(deployment.replicas.map((replica) => replica.metrics()))).join('');
    const guard = async () => {
      const { body } = await controlPlane.api('GET', CONFIGURATION);
      return (body['webhooks'] as Json[]).find(({ name }) => name.startsWith('guard.'))?.['failurePolicy'];
    };
    const events = async (): Promise<readonly string[]> => {
      const { body } = await controlPlane.api('GET', `/apis/events.k8s.io/v1/namespaces/${NAMESPACE}/events`);
      return body['items'].map(({ reason }: Json) => reason);
    };

    it('allows one user by a filter, which stays on record, without a restart', async () => {
      await paste('allow-user');
      await isLogged(
        'admin changes what we are made of: ConfigMap sigma-admission-filters',
        'allow-alice.yml',
      );
      await refreshed();
      await aliceIs('let in');
      const title = await eventually('it is on record, with the filter', () =>
        deployment.replicas
          .flatMap(({ records }) => records)
          .filter(({ name }) => name === 'mended')
          .flatMap(({ matches }) => matches.map(({ filter }) => filter?.title))
          .find((each) => each !== undefined),
      );
      expect(title).toBe('Alice mends kube-system, INC-4711');
      await paste('allow-user undo');
      await refreshed();
      expect(await aliceIs('denied')).toBe('denied');
    });

    it('has one rule warn, and nothing else changes', async () => {
      await paste('rule-to-warn');
      await isLogged('changes what we are made of: ConfigMap', 'from what its level has to warn');
      await deployment.replace();
      await aliceIs('warned');
      await applyOverlay();
      await deployment.replace();
      expect(await aliceIs('denied')).toBe('denied');
    });

    it('has everything warn', async () => {
      await paste('mode-to-warn');
      await isLogged('changes what we are made of: Deployment', 'mode from enforce to warn');
      expect(await metrics()).toContain('sigma_admission_own_changes_total{kind="Deployment",lowers="true"');
      await deployment.replace();
      await aliceIs('warned');
      await paste('mode-to-warn undo');
      await deployment.replace();
      expect(await aliceIs('denied')).toBe('denied');
    });

    it('breaks the glass: who could not be asked about is let in, and that is loud', async () => {
      await paste('break-glass');
      await isLogged('BREAK GLASS', 'INC-4711: nobody can mend DNS');
      await eventually('guard fails open', async () => (await guard()) === 'Ignore', SOON_MS);
      expect(await metrics()).toContain('sigma_admission_break_glass 1');
      await eventually('there is an Event', async () => (await events()).includes('BreakGlass'));
      expect(await aliceIs('denied')).toBe('denied');
      await paste('break-glass undo');
      await eventually('guard fails closed', async () => (await guard()) === 'Fail', SOON_MS);
      await isLogged('break-glass has ended');
    });

    it('has guard fail open by hand, with nobody of us there', async () => {
      await deployment.scaleToZero();
      await aliceIs('refused unasked');
      await paste('guard-ignore');
      await aliceIs('let in');
      await paste('guard-ignore undo');
      await aliceIs('refused unasked');
      await paste('guard-ignore');
      await aliceIs('let in');
      await deployment.replace();
      await eventually('guard fails closed', async () => (await guard()) === 'Fail', SOON_MS);
      expect(await aliceIs('denied')).toBe('denied');
    });

    it('has nobody ask us, until the overlay is applied again', async () => {
      await paste('delete-configuration');
      await isLogged('the webhook configuration does not exist: the API server does not call us');
      await eventually('there is an Event', async () =>
        (await events()).includes('WebhookConfigurationLost'),
      );
      await aliceIs('denied');
      await deployment.scaleToZero();
      await paste('delete-configuration');
      await aliceIs('let in');
      await applyOverlay();
      await aliceIs('let in');
      await deployment.replace();
      expect(await aliceIs('denied')).toBe('denied');
    });

    it('has certificates made anew', async () => {
      await deployment.replace({ nodeFlags: [otherClock({ speed: SPEED })] });
      await deployment.ready();
      const served = async () => Promise.all(deployment.replicas.map((replica) => replica.fingerprint()));
      const before = await served();
      await paste('new-certificates');
      const after = await eventually(
        'all serve another',
        async () => {
          const shown = await served();
          return new Set(shown).size === 1 && !before.includes(shown[0] ?? '') && shown;
        },
        3 * SOON_MS,
      );
      expect(after).toHaveLength(before.length);
      expect(await aliceIs('denied')).toBe('denied');
    });
  },
  ['kube-controller-manager', 'kube-scheduler'],
);
