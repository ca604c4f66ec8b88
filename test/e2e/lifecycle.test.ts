import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import {
  createAuthority,
  issueCertificate,
  type KeyedCertificate,
  servingNames,
} from '../../src/certificates/authority.ts';
import type { Json } from '../control-plane/api-client.ts';
import { startControlPlane, type OwnControlPlane } from '../control-plane/control-plane.ts';
import { startDeployment, type Deployment } from '../control-plane/deployment.ts';
import { describeWithPrograms } from './lib/describe-with-control-plane.ts';
import { eventually } from '../lib/eventually.ts';
import { startKubelets, type Kubelets } from './lib/kubelet.ts';
import { startLiar, type Answer, type Liar } from './lib/liar.ts';
import { startLoad } from '../control-plane/load.ts';
import { mirrorPod } from './lib/mirror-pod.ts';
import { createOverlay } from '../control-plane/overlay.ts';
import { startRelay, type LineFault, type Relay } from './lib/relay.ts';
import { otherClock } from './lib/other-clock.ts';
import { nodeUser } from '../control-plane/user.ts';
import { pod } from './lib/webhook.ts';

const NAMESPACE = 'sigma-admission';
const SECRET = `/api/v1/namespaces/${NAMESPACE}/secrets/sigma-admission-tls`;
const WEBHOOKS = '/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/sigma-admission';
const PODS = '/api/v1/namespaces/kube-system/pods';
const NODE = 'lifecycle';
const HOUR_MS = 60 * 60 * 1000;

/** What somebody reads who makes a pod in kube-system while we can be asked. */
const DENIED =
  'Error from server (Forbidden): error when creating "STDIN": admission webhook "guard.sigma-admission.svc" denied the request: ' +
  'Creation Of Pod In System Namespace: pods kube-system/human by admin (Sigma a80d927d, medium, T1036.005). ' +
  'To allow it, an administrator adds a Sigma filter for this user, or sets rule a80d927d-ac6e-443f-a867-e8d6e3897318 to warn.\n';
/** What they read while we cannot. */
const NOT_ASKED =
  'Error from server (InternalError): error when creating "STDIN": Internal error occurred: failed calling webhook "guard.sigma-admission.svc": ';
const POST =
  'failed to call webhook: Post "https://sigma-admission.sigma-admission.svc:PORT/guard?timeout=3s": ';
const DEADLINE = `${POST}context deadline exceeded`;

/** What they are told while the API server's store is away, if they are told anything: nobody is let in unasked. */
const DENIED_OR_TOO_LATE =
  /^admission webhook "guard\.sigma-admission\.svc" denied the request: |^Timeout: request did not complete within requested timeout|^socket hang up$/;

/** What the runbook says they read: the first column of its first table. */
const SYMPTOMS = readFileSync(join(import.meta.dirname, '../../docs/runbook.md'), 'utf8')
  .split('## Switches', 1)
  .flatMap((section) => section.match(/^\| `[^|]*/gm) ?? [])
  .flatMap((cell) => [...cell.matchAll(/`([^`]+)`/g)].map(([, symptom]) => symptom as string));

/** A dead webhook may cost a controller or a node one second; three are waited for. */
const EACH_POD_MS = 3_000;

describeWithPrograms(
  'While it enforces with three replicas',
  () => {
    let controlPlane: OwnControlPlane;
    let kubelets: Kubelets;
    let deployment: Deployment;
    let relay: Relay;
    let controllerToken: string;

    beforeAll(async () => {
      controlPlane = await startControlPlane();
      kubelets = await startKubelets(controlPlane, [NODE]);
      deployment = await startDeployment(controlPlane, 3);
      relay = await startRelay(deployment.port);
      const overlay = createOverlay({ of: 'overlays/enforce', port: relay.port });
      await kubectl('apply', '-k', overlay.directory);
      overlay.remove();
      await deployment.replace({ drain: '1s' });
      await eventually('nobody is let through unasked', async () => {
        const { body } = await controlPlane.api('GET', WEBHOOKS);
        return body['webhooks'][0].failurePolicy === 'Fail';
      });
      controllerToken = await controlPlane.createToken('kube-system', 'daemon-set-controller');
      await isJudged();
    }, 120_000);
    afterAll(async () => {
      await relay?.close();
      await deployment?.stop();
      await kubelets?.stop();
      await controlPlane?.stop();
    }, 60_000);

    async function kubectl(...args: string[]): Promise<string> {
      const { exitCode, stdout, stderr } = await controlPlane.kubectl(args);
      if (exitCode !== 0) throw new Error(`kubectl ${args.join(' ')}: ${stderr}`);
      return stdout;
    }

    /** What kubectl says to somebody who makes a pod in kube-system, without what differs each time. */
    async function createByHand(): Promise<string> {
      const { stderr } = await controlPlane.kubectl(['create', '-f', '-'], {
        input: pod('human', 'kube-system'),
      });
      return stderr
        .replaceAll(/(svc|127\.0\.0\.1|\[::1\]):\d+/g, '$1:PORT')
        .replaceAll(/[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}(?=", got)/g, 'UID')
        .replaceAll(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ/g, 'TIME');
    }

    /** By a human, by a controller, and what is nobody's business: all as on any other day. */
    async function isJudged(): Promise<true> {
      await eventually('a human is refused by the rule', async () => {
        expect(await createByHand()).toBe(DENIED);
        return true;
      });
      const elsewhere = await controlPlane.api('POST', '/api/v1/namespaces/default/pods?dryRun=All', {
        body: pod('elsewhere', 'default'),
      });
      expect(elsewhere.status).toBe(201);
      return eventually('a controller is asked about, and accepted', async () => {
        const name = `by-controller-${Math.random().toString(36).slice(2)}`;
        const { status } = await controlPlane.api('POST', `${PODS}?dryRun=All`, {
          body: pod(name, 'kube-system'),
          user: { token: controllerToken },
        });
        expect(status).toBe(201);
        const record = deployment.replicas
          .flatMap(({ records }) => records)
          .find((each) => each.name === name);
        return record?.matches[0]?.filter?.title === 'Controllers that make pods' && (true as const);
      });
    }

    /** Has controllers and a node make a pod each, and waits no longer than a dead webhook may cost them. */
    async function podsAreMade(): Promise<true> {
      const name = `each-${Math.random().toString(36).slice(2, 8)}`;
      const from = controlPlane.auditLogSize();
      const workloads = workloadsCalled(name);
      const making = workloads.map(({ path, object }) =>
        controlPlane.api('POST', path, { body: object }).then(({ status }) => expect(status).toBe(201)),
      );
      const mirror = await mirrorPod(controlPlane, NODE, name);
      making.push(
        controlPlane
          .api('POST', PODS, { body: mirror, user: nodeUser(NODE) })
          .then(({ status }) => expect(status).toBe(201)),
      );
      await eventually(
        'the pods of a DaemonSet, a Deployment, a StatefulSet and a node are there',
        async () => {
          const { body } = await controlPlane.api('GET', PODS);
          const made = (body['items'] as Json[]).filter(({ metadata }) => metadata.name.startsWith(name));
          const owners = made.map(({ metadata }) => metadata.ownerReferences[0].kind).toSorted();
          expect(owners).toEqual(['DaemonSet', 'Node', 'ReplicaSet', 'StatefulSet']);
          return true;
        },
        EACH_POD_MS,
      );
      await Promise.all(making);
      for (const { path, object } of workloads) {
        await controlPlane.api('DELETE', `${path}/${object['metadata'].name}?propagationPolicy=Background`);
      }
      await controlPlane.api('DELETE', `${PODS}/${mirror['metadata'].name}`, {
        body: { gracePeriodSeconds: 0 },
      });
      failedOpenFrom = from;
      return true;
    }
    let failedOpenFrom = 0;

    /** That they were made without us is not silent. */
    async function failedOpenIsLogged(): Promise<void> {
      await eventually('the audit log says who was let through unasked', () =>
        controlPlane
          .auditEvents(failedOpenFrom)
          .some(({ annotations = {} }) =>
            Object.entries(annotations).some(
              ([key, entry]) =>
                key.startsWith('failed-open.validating.webhook.admission.k8s.io/') &&
                entry === 'observe.sigma-admission.svc',
            ),
          ),
      );
    }

    /** Everybody's certificate authority, and one that nobody trusts. */
    async function ourAuthority(): Promise<KeyedCertificate> {
      const { body } = await controlPlane.api('GET', SECRET);
      const text = (key: string) => Buffer.from(body['data'][key], 'base64').toString();
      return { certificatePem: text('ca.crt'), keyPem: text('ca.key') };
    }

    it.each<Fault>([
      line('black-holed', 'that is black-holed', DEADLINE),
      line('refused', 'whose port is closed', `${POST}dial tcp 127.0.0.1:PORT: connect: connection refused`),
      line(
        'garbage',
        'in whose place something answers that speaks no TLS',
        `${POST}tls: first record does not look like a TLS handshake`,
      ),
      line('half-open', 'whose connections fell silent while they were open', DEADLINE),
      {
        name: 'whose replicas were killed',
        begin: () => signalAll('SIGKILL'),
        refusal: `${POST}EOF`,
        end: () => deployment.replace(),
      },
      {
        name: 'whose replicas stand still',
        begin: () => signalAll('SIGSTOP'),
        refusal: DEADLINE,
        end: () => signalAll('SIGCONT'),
      },
      liar(
        'that answers with a page of HTML',
        { type: 'text/html', body: () => '<html>Welcome</html>' },
        String.raw`failed to call webhook: couldn't get version/kind; json parse error: json: cannot unmarshal string into Go value of type struct { APIVersion string "json:\"apiVersion,omitempty\""; Kind string "json:\"kind,omitempty\"" }`,
      ),
      liar(
        'that answers 500',
        { status: 500, type: 'text/plain', body: () => 'boom' },
        'failed to call webhook: an error on the server ("boom") has prevented the request from succeeding',
      ),
      liar(
        'that answers another request than it was asked',
        {
          body: () =>
            JSON.stringify({
              apiVersion: 'admission.k8s.io/v1',
              kind: 'AdmissionReview',
              response: { uid: 'another', allowed: true },
            }),
        },
        'received invalid webhook response: expected response.uid="UID", got "another"',
      ),
      liar(
        'whose certificate has expired',
        { body: () => '' },
        `${POST}tls: failed to verify certificate: x509: certificate has expired or is not yet valid: current time TIME is after TIME`,
        async () =>
          issueCertificate({
            authority: await ourAuthority(),
            ...servingNames(),
            now: Date.now() - 2 * HOUR_MS,
            lifetimeMs: HOUR_MS,
          }),
      ),
      liar(
        'whose certificate another authority issued',
        { body: () => '' },
        `${POST}tls: failed to verify certificate: x509: certificate signed by unknown authority`,
        async () =>
          issueCertificate({
            authority: await createAuthority({ now: Date.now() }),
            ...servingNames(),
            now: Date.now(),
          }),
      ),
    ])(
      'a webhook $name stops no controller and no node, refuses a human in plain words, and recovers by itself',
      async ({ begin, refusal, end }) => {
        await begin();
        try {
          expect(await createByHand()).toBe(`${NOT_ASKED}${refusal}\n`);
          expect(SYMPTOMS.filter((symptom) => refusal.includes(symptom))).toHaveLength(1);
          await podsAreMade();
          await failedOpenIsLogged();
        } finally {
          await end();
        }
        expect(await isJudged()).toBe(true);
      },
    );

    interface Fault {
      readonly name: string;
      readonly begin: () => Promise<void>;
      /** What a human is told, after who could not be asked. */
      readonly refusal: string;
      readonly end: () => Promise<void>;
    }

    function line(fault: LineFault, name: string, refusal: string): Fault {
      return { name, begin: () => relay.break(fault), refusal, end: () => relay.mend() };
    }

    function liar(
      name: string,
      answer: Answer,
      refusal: string,
      certificate = async () =>
        issueCertificate({ authority: await ourAuthority(), ...servingNames(), now: Date.now() }),
    ): Fault {
      let found: Liar;
      return {
        name,
        async begin() {
          found = await startLiar(await certificate(), answer);
          relay.lead(found.port);
        },
        refusal,
        async end() {
          relay.lead(deployment.port);
          await found.close();
        },
      };
    }

    async function signalAll(name: 'SIGKILL' | 'SIGSTOP' | 'SIGCONT'): Promise<void> {
      await Promise.all(deployment.replicas.map((replica) => replica.signal(name)));
    }

    it('answers everybody while its replicas are replaced one after another, 100 requests a second', async () => {
      const path = `${PODS}?dryRun=All`;
      const body = pod('load', 'kube-system');
      const load = startLoad(controlPlane, {
        requests: [
          { path, body },
          { path, body, user: { token: controllerToken } },
        ],
      });
      await eventually('the load is on', () => load.answered() > 100);
      await deployment.rollOut();
      const before = load.answered();
      await eventually('the new ones answer', () => load.answered() > before + 100);
      const { answers, failedOpen } = await load.stop();
      expect({ answered: Object.keys(answers).toSorted(), failedOpen }).toEqual({
        answered: ['201', '403 admission webhook "guard.sigma-admission.svc" denied the request'],
        failedOpen: [],
      });
    }, 120_000);

    it('serves on, ready, while etcd is away for 20 s, and everything goes on when it is back', async () => {
      await controlPlane.stopProgram('etcd');
      try {
        const ended = delay(20_000);
        // Admission needs no etcd, but what asks before us may: LimitRanger does, every half minute.
        const told = await controlPlane
          .api('POST', `${PODS}?timeout=3s`, { body: pod('human', 'kube-system') })
          .then(
            ({ body }) => String(body['message']),
            (error: Error) => error.message,
          );
        expect(told).toMatch(DENIED_OR_TOO_LATE);
        await ended;
        await deployment.ready();
      } finally {
        await controlPlane.startProgram('etcd');
      }
      expect(await isJudged()).toBe(true);
      await eventually('controllers are back', podsAreMade);
    }, 120_000);

    it('serves on, ready, while the API server is restarted, and says what it could not read', async () => {
      const lines = deployment.replicas.map(({ log }) => log.length);
      await controlPlane.stopProgram('kube-apiserver');
      try {
        await eventually('each replica has noticed', () =>
          deployment.replicas.every(({ log }, index) =>
            log.slice(lines[index]).some(({ msg }) => msg.startsWith('no new certificate')),
          ),
        );
        await deployment.ready();
      } finally {
        await controlPlane.startProgram('kube-apiserver');
      }
      expect(await isJudged()).toBe(true);
      await eventually('controllers are back', podsAreMade);
    }, 120_000);

    it.each([
      ['ahead', HOUR_MS],
      ['behind', -HOUR_MS],
    ])(
      'is trusted with certificates made while its clock was an hour %s, which replicas with another clock keep',
      async (_, byMs) => {
        await deployment.scaleToZero();
        await controlPlane.api('PATCH', SECRET, { body: { data: null } });
        await deployment.replace({ nodeFlags: [otherClock({ aheadMs: byMs })] });
        expect(await isJudged()).toBe(true);
        const made = await servingCertificate();
        await deployment.rollOut({ nodeFlags: [] });
        expect(await isJudged()).toBe(true);
        expect(await servingCertificate()).toBe(made);
      },
      120_000,
    );

    async function servingCertificate(): Promise<string> {
      const { body } = await controlPlane.api('GET', SECRET);
      return body['data']['tls.crt'];
    }
  },
  ['kube-controller-manager', 'kube-scheduler'],
);

/** One of each kind that brings pods up, with one pod. */
function workloadsCalled(name: string): readonly { readonly path: string; readonly object: Json }[] {
  const labels = { app: name };
  const template = {
    metadata: { labels },
    spec: { terminationGracePeriodSeconds: 0, containers: [{ name: 'c', image: 'busybox:1' }] },
  };
  const spec = { selector: { matchLabels: labels }, template };
  const apps = '/apis/apps/v1/namespaces/kube-system';
  return [
    { path: `${apps}/daemonsets`, object: { metadata: { name: `${name}-ds` }, spec } },
    { path: `${apps}/deployments`, object: { metadata: { name: `${name}-deploy` }, spec } },
    {
      path: `${apps}/statefulsets`,
      object: { metadata: { name: `${name}-sts` }, spec: { serviceName: 'none', ...spec } },
    },
  ];
}
