import { PassThrough, Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { createAuthority } from '../../src/certificates/authority.ts';
import { installCheck } from '../../src/commands/install-check/install-check.ts';
import { parseCommandLine } from '../../src/settings/command-line.ts';
import { startBalancer, type Balancer } from '../control-plane/balancer.ts';
import { createOverlay } from '../control-plane/overlay.ts';
import { startReplica, type Replica } from '../control-plane/replica.ts';
import { eventually } from '../lib/eventually.ts';
import { describeWithControlPlane } from './lib/describe-with-control-plane.ts';

const NAMESPACE = 'sigma-admission';
const CONFIGURATION = '/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/sigma-admission';
const ENTRIES = ['guard', 'observe', 'other', 'other-observe', 'probe', 'self'];
const SECRET = `/api/v1/namespaces/${NAMESPACE}/secrets/sigma-admission-tls`;

describeWithControlPlane('The status, where the configuration is left to its deployer', (controlPlane) => {
  const { api } = controlPlane;
  let balancer: Balancer;
  let replica: Replica;
  let ours: string;

  async function kubectl(...args: readonly string[]): Promise<void> {
    const { exitCode, stderr } = await controlPlane.kubectl(args);
    if (exitCode !== 0) throw new Error(stderr);
  }
  /** What readyz says of a check, without ages and ports. */
  const said = async (check: string) =>
    constant(
      (await replica.readyz()).split('\n').find((line) => line.slice(3).startsWith(`${check} `)) ?? '',
    );
  const constant = (line: string) =>
    line.replace(/seen \d+ s ago/, 'seen AGE ago').replaceAll(/localhost:\d+/g, 'localhost:PORT');
  const logged = () => replica.log.filter(({ level }) => level >= 40).map(({ msg }) => constant(msg));

  /** What the deployer tells entries to trust; those that are not named, what they were told before. */
  async function trust(entries: Readonly<Record<string, string>>): Promise<void> {
    const { body } = await api('GET', CONFIGURATION);
    const operations = (body['webhooks'] as readonly { name: string }[]).flatMap(({ name }, index) => {
      const pem = entries[name.split('.')[0] ?? ''];
      const path = `/webhooks/${index}/clientConfig/caBundle`;
      return pem === undefined ? [] : [{ op: 'add', path, value: Buffer.from(pem).toString('base64') }];
    });
    await kubectl(
      'patch',
      'validatingwebhookconfiguration/sigma-admission',
      '--type=json',
      '-p',
      JSON.stringify(operations),
    );
  }

  beforeAll(async () => {
    balancer = await startBalancer();
    const overlay = createOverlay({ of: 'overlays/warn', port: balancer.port, manage: 'none' });
    await kubectl('apply', '-k', overlay.directory);
    overlay.remove();
    replica = await startReplica(controlPlane);
    balancer.route([replica.port]);
    const { body } = await api('GET', SECRET);
    ours = Buffer.from(body['data']['ca.crt'], 'base64').toString();
  });
  afterAll(async () => {
    await controlPlane.kubectl(['delete', 'namespace', NAMESPACE]);
    await controlPlane.kubectl(['delete', 'validatingwebhookconfiguration', 'sigma-admission']);
    await replica.stop();
    await balancer.close();
  });

  it('is that no entry trusts us, until the deployer says whom to trust, and then that all is right', async () => {
    await eventually('the configuration was looked at', async () =>
      (await said('configuration')).includes('trust'),
    );
    expect(await said('configuration')).toBe(
      '[-]configuration failed: sigma-admission: guard, observe, other, other-observe, probe, self do not trust our certificate (seen AGE ago)',
    );
    await trust(Object.fromEntries(ENTRIES.map((entry) => [entry, ours])));
    await eventually('all is right', async () => (await said('reached')).startsWith('[+]'));
    expect([await said('configuration'), await said('reached')]).toEqual([
      '[+]configuration ok: sigma-admission: every entry trusts our certificate (seen AGE ago)',
      '[+]reached ok: a probe came back through the API server (seen AGE ago)',
    ]);
  });

  it('warns of nothing where a replica starts and nothing is wrong', async () => {
    const another = await startReplica(controlPlane);
    const right = () => another.readyz();
    await eventually('all is right', async () =>
      (await right()).includes('[+]reached ok: a probe came back'),
    );
    expect(another.log.filter(({ level }) => level >= 40)).toEqual([]);
    await another.stop();
  });

  it('is that guard alone trusts a stranger, in readyz, log, metrics and install check, though a probe came back', async () => {
    const { certificatePem: stranger } = await createAuthority({ now: Date.now() });
    await trust({ guard: stranger });
    const dialled =
      'guard: the certificate at localhost:PORT is not accepted: unable to verify the first certificate';
    await eventually('it is told', async () => (await said('reached')).includes('dialled'));
    expect([await said('configuration'), await said('reached')]).toEqual([
      '[!]configuration wrong: sigma-admission: guard does not trust our certificate (seen AGE ago)',
      `[!]reached wrong: a probe came back through the API server; dialled: ${dialled} (seen AGE ago)`,
    ]);
    expect(logged()).toEqual(
      expect.arrayContaining([
        'guard does not trust our certificate: the API server does not call us there',
        `our Service, dialled by the CA that the API server holds: ${dialled}`,
      ]),
    );
    expect(
      (await replica.metrics())
        .split('\n')
        .filter((line) => /^\w+(trusts|dial_s|reached)/.test(line))
        .toSorted(),
    ).toEqual([
      'sigma_admission_dial_succeeded 0',
      ...ENTRIES.map(
        (entry) => `sigma_admission_entry_trusts_certificate{entry="${entry}"} ${Number(entry !== 'guard')}`,
      ),
      'sigma_admission_reached{outcome="answered"} 1',
    ]);
    const asked = parseCommandLine(
      ['install', 'check', '--format=json', `--kubeconfig=${controlPlane.kubeconfig()}`],
      { env: {}, readFile: () => '', version: '' },
    );
    if (asked.command !== 'install check') throw new TypeError(JSON.stringify(asked));
    const [stdout, stderr] = [new PassThrough(), new PassThrough()];
    expect(await installCheck(asked.config, { stdin: Readable.from([]), stdout, stderr, env: {} })).toBe(1);
    const { findings } = JSON.parse(constant(await text(stdout.end())));
    expect(findings.find(({ check }: { check: string }) => check === 'certificate')).toMatchObject({
      verdict: 'failed',
      found: `the certificate of our Service does not verify by the caBundle of ${dialled}`,
    });
    await trust({ guard: ours });
    await eventually('all is right again', async () => (await said('reached')).startsWith('[+]'));
  });

  it('is not known some seconds after the right to look was taken away, and says why', async () => {
    await kubectl('delete', 'clusterrole', 'sigma-admission');
    await eventually('it is not known', async () => (await said('configuration')).startsWith('[!]'), 60_000);
    const forbidden =
      'cannot be looked at again: GET /apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/sigma-admission: 403: ';
    expect(await said('configuration')).toMatch(
      `[!]configuration unknown: sigma-admission: every entry trusts our certificate; ${forbidden}`,
    );
    expect((await said('coverage')).slice(-'(seen AGE ago, not since)'.length)).toBe(
      '(seen AGE ago, not since)',
    );
  }, 90_000);
});
