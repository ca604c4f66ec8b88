import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import {
  AUTHORITY_LIFETIME_MS,
  createAuthority,
  issueCertificate,
  type KeyedCertificate,
  SERVING_LIFETIME_MS,
  servingNames,
} from '../../src/certificates/authority.ts';
import { fingerprintOf, parseBundle } from '../../src/certificates/authority-bundle.ts';
import { dial } from '../../src/cluster/dial.ts';
import { isIssuedBy } from '../../src/certificates/validity.ts';
import type { Json } from '../control-plane/api-client.ts';
import { startBalancer, type Balancer } from '../control-plane/balancer.ts';
import { startControlPlane, type OwnControlPlane } from '../control-plane/control-plane.ts';
import { describeWithPrograms } from './lib/describe-with-control-plane.ts';
import { eventually } from '../lib/eventually.ts';
import { startLoad, type Load } from '../control-plane/load.ts';
import { createOverlay } from '../control-plane/overlay.ts';
import { startReplica, type Replica } from '../control-plane/replica.ts';
import { otherClock } from './lib/other-clock.ts';
import { pod } from './lib/webhook.ts';

const NAMESPACE = 'sigma-admission';
const SECRETS = `/api/v1/namespaces/${NAMESPACE}/secrets`;
const SECRET = `${SECRETS}/sigma-admission-tls`;
const WEBHOOKS = '/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/sigma-admission';
const PODS = '/api/v1/namespaces/kube-system/pods?dryRun=All';
const HOUR_MS = 60 * 60 * 1000;
const ROTATIONS = 20;
/** The replicas' clocks go faster than ours, or thirty rounds would take minutes; the load does not. */
const SPEED = 4;
const names = servingNames('sigma-admission', NAMESPACE);

/** A replica takes what another wrote within six seconds; what the API server is to trust first, within thirty. */
const TAKEN_MS = 60_000;

type Data = Readonly<Record<string, string>>;

describeWithPrograms(
  'Three replicas, whose clocks are an hour ahead, right, and an hour behind,',
  () => {
    let controlPlane: OwnControlPlane;
    let balancer: Balancer;
    let replicas: readonly Replica[] = [];
    let load: Load;
    let strangers: Strangers;

    beforeAll(async () => {
      controlPlane = await startControlPlane({ auditLevel: 'Metadata', without: ['kube-scheduler'] });
      balancer = await startBalancer();
      const overlay = createOverlay({ of: 'overlays/enforce', port: balancer.port });
      const { stderr, exitCode } = await controlPlane.kubectl(['apply', '-k', overlay.directory]);
      overlay.remove();
      if (exitCode !== 0) throw new Error(stderr);
      replicas = await Promise.all(
        [HOUR_MS, 0, -HOUR_MS].map((byMs) =>
          startReplica(controlPlane, { nodeFlags: [otherClock({ aheadMs: byMs, speed: SPEED })] }),
        ),
      );
      balancer.route(replicas.map(({ port }) => port));
      await eventually('nobody is let through unasked', async () => {
        const { body } = await controlPlane.api('GET', WEBHOOKS);
        return body['webhooks'][0].failurePolicy === 'Fail';
      });
      await ready();
      const path = PODS;
      const body = pod('load', 'kube-system');
      const token = await controlPlane.createToken('kube-system', 'daemon-set-controller');
      load = startLoad(controlPlane, {
        requests: [
          { path, body },
          { path, body, user: { token } },
        ],
      });
      strangers = startStrangers(controlPlane, balancer.port);
      await eventually('the load is on', () => load.answered() > 100);
    }, 120_000);
    afterAll(async () => {
      await strangers?.stop();
      await Promise.all(replicas.map((replica) => replica.stop()));
      await balancer?.close();
      await controlPlane?.stop();
    }, 60_000);

    async function ready(): Promise<void> {
      await eventually('every replica is ready', async () => {
        const said = await Promise.all(replicas.map((replica) => replica.readyz()));
        return said.every((each) => each.trimEnd().endsWith('readyz check passed'));
      });
    }
    async function held(): Promise<Data> {
      const { status, body } = await controlPlane.api('GET', SECRET);
      if (status !== 200) throw new Error(body['message']);
      const entries = Object.entries<string>(body['data']);
      return Object.fromEntries(entries.map(([key, text]) => [key, Buffer.from(text, 'base64').toString()]));
    }
    async function patch(body: Json): Promise<void> {
      const answer = await controlPlane.api('PATCH', SECRET, { body });
      if (answer.status !== 200) throw new Error(answer.body['message']);
    }
    const hold = (texts: Data) =>
      patch({
        data: Object.fromEntries(
          Object.entries(texts).map(([key, text]) => [key, Buffer.from(text).toString('base64')]),
        ),
      });
    const authorityIn = (data: Data): KeyedCertificate => ({
      certificatePem: data['ca.crt'] ?? '',
      keyPem: data['ca.key'] ?? '',
    });

    /** Every replica shows what the Secret has, and that is as it should be. */
    function served(isRight: (data: Data) => boolean): Promise<Data> {
      return eventually(
        'every replica serves it',
        async () => {
          const data = await held();
          if (!isRight(data)) return false;
          const held256 = fingerprintOf(data['tls.crt'] ?? '');
          const shown = await Promise.all(replicas.map((replica) => replica.fingerprint()));
          return shown.every((each) => each === held256) && data;
        },
        TAKEN_MS,
      );
    }

    it(`renew their certificate ${ROTATIONS} times`, async () => {
      const seen = new Set<string>();
      for (let rotation = 0; rotation < ROTATIONS; rotation += 1) {
        const authority = authorityIn(await held());
        // Made when a little more than two thirds of its life ago, even by the clock that is behind.
        const now = Date.now() - (2 / 3) * SERVING_LIFETIME_MS - HOUR_MS;
        const due = await issueCertificate({ authority, ...names, now });
        await hold({ 'tls.crt': due.certificatePem, 'tls.key': due.keyPem });
        const { 'tls.crt': renewed = '', 'ca.crt': still } = await served(
          (data) => data['tls.crt'] !== due.certificatePem,
        );
        expect(still).toBe(authority.certificatePem);
        seen.add(renewed);
      }
      expect(seen.size).toBe(ROTATIONS);
    }, 300_000);

    it.each<[string, () => Promise<void>]>([
      [
        'that is past two thirds of its life',
        async () => {
          const now = Date.now() - (2 / 3) * AUTHORITY_LIFETIME_MS - HOUR_MS;
          const { certificatePem, keyPem } = await createAuthority({ now });
          await hold({ 'ca.crt': certificatePem, 'ca.key': keyPem });
        },
      ],
      [
        'in whose place an operator brings another',
        async () => {
          const { certificatePem, keyPem } = await createAuthority({ now: Date.now() });
          await hold({ 'ca.crt': certificatePem, 'ca.key': keyPem });
        },
      ],
      [
        'that is to be replaced, as an annotation says',
        () => patch({ metadata: { annotations: { 'sigma-admission/renew-authority': 'a drill' } } }),
      ],
    ])(
      'replace an authority %s',
      async (_, begin) => {
        const before = await held();
        await begin();
        const after = await served(
          (data) =>
            !isIssuedBy(data['tls.crt'] ?? '', before['ca.crt'] ?? '') &&
            isIssuedBy(data['tls.crt'] ?? '', data['ca.crt'] ?? ''),
        );
        const bundle = parseBundle(after['ca-bundle.crt'] ?? '').authorities;
        const old = bundle.find(({ certificatePem }) => certificatePem === before['ca.crt']);
        const stays = ((old?.until ?? 0) - Date.now()) / SERVING_LIFETIME_MS;
        expect(Math.round(stays)).toBe(1);
      },
      120_000,
    );

    it.each<[string, () => Promise<unknown>]>([
      ['was deleted', () => controlPlane.api('DELETE', SECRET)],
      ['was emptied', () => patch({ data: null })],
      ['was truncated', () => hold({ 'ca.key': '-----BEGIN' })],
    ])(
      'put the Secret back that %s, and serve on',
      async (_, breakIt) => {
        const before = await held();
        await breakIt();
        expect(
          await served((data) => data['tls.key'] !== undefined && data['ca.key'] !== '-----BEGIN'),
        ).toEqual(before);
      },
      120_000,
    );

    it('take over a stranger’s pair', async () => {
      const authority = await createAuthority({ now: Date.now() });
      const leaf = await issueCertificate({ authority, ...names, now: Date.now() });
      const before = await held();
      await patch({ data: { 'ca-bundle.crt': null } });
      await hold({
        'ca.crt': authority.certificatePem,
        'ca.key': authority.keyPem,
        'tls.crt': leaf.certificatePem,
        'tls.key': leaf.keyPem,
      });
      const after = await served((data) => data['tls.crt'] === leaf.certificatePem);
      expect(after['ca-bundle.crt']).toContain(before['ca.crt']);
    }, 120_000);

    it('and all the while everybody was answered, nobody let through unasked, and no stranger turned away', async () => {
      const soFar = load.answered();
      await eventually(
        'the load went on for a while after the last of it',
        () => load.answered() > soFar + 200,
      );
      await ready();
      const { dials, refusals, spread } = await strangers.stop();
      const { answers, failedOpen } = await load.stop();
      expect({ answered: Object.keys(answers).toSorted(), failedOpen, refusals }).toEqual({
        answered: ['201', '403 admission webhook "guard.sigma-admission.svc" denied the request'],
        failedOpen: [],
        refusals: [],
      });
      expect(spread).toEqual([1]);
      expect([load.answered() > 2_000, dials > 200]).toEqual([true, true]);
    }, 60_000);
  },
  ['kube-controller-manager'],
);

/** API servers that connect anew all the time: one that has just heard whom to trust, and one that hears it so much later. */
interface Strangers {
  stop(): Promise<{
    readonly dials: number;
    /** What they did not accept. */
    readonly refusals: readonly string[];
    /** How many different bundles the entries held at a time. */
    readonly spread: readonly number[];
  }>;
}

/** Less than we count on for every API server to know: from a look to the end of a handshake takes time, too. */
const STALE_MS = 8_000 / SPEED;
const DIAL_EVERY_MS = 200;

function startStrangers({ api }: OwnControlPlane, port: number): Strangers {
  const refusals: string[] = [];
  const spread = new Set<number>();
  let history: { readonly at: number; readonly ca: string }[] = [];
  let dials = 0;
  let stopping = false;

  async function look(): Promise<void> {
    const { body } = await api('GET', WEBHOOKS);
    const bundles = new Set<string>(
      (body['webhooks'] as Json[]).map(({ clientConfig }) => clientConfig.caBundle),
    );
    spread.add(bundles.size);
    const ca = Buffer.from([...bundles][0] ?? '', 'base64').toString();
    const at = performance.now();
    history = [...history.filter((each) => at - each.at <= STALE_MS), { at, ca }];
    const trusting = [...new Set([ca, history[0]?.ca ?? ca])];
    await Promise.all(trusting.map(connect));
  }
  async function connect(ca: string): Promise<void> {
    dials += 1;
    const servername = `sigma-admission.${NAMESPACE}.svc`;
    await dial({ host: 'localhost', port, servername, ca, timeoutMs: 10_000 }).catch(({ message }: Error) =>
      refusals.push(message),
    );
  }
  async function run(): Promise<void> {
    await look().catch((error: Error) => refusals.push(error.message));
    await delay(DIAL_EVERY_MS);
    if (!stopping) await run();
  }
  const running = run();
  return {
    async stop() {
      stopping = true;
      await running;
      return { dials, refusals, spread: [...spread] };
    },
  };
}
