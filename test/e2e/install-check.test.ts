import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import {
  createServer as createTcpServer,
  type AddressInfo,
  type Server as TcpServer,
  type Socket,
} from 'node:net';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { json, text } from 'node:stream/consumers';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { parseCommandLine } from '../../src/settings/command-line.ts';
import { installCheck } from '../../src/commands/install-check/install-check.ts';
import { webhookConfiguration } from '../../src/registration/webhook-configuration.ts';
import { createAuthority, issueCertificate, servingNames } from '../../src/certificates/authority.ts';
import type { Json } from '../control-plane/api-client.ts';
import { startBalancer, type Balancer } from '../control-plane/balancer.ts';
import type { ControlPlane } from '../control-plane/control-plane.ts';
import { describeWithControlPlane } from './lib/describe-with-control-plane.ts';
import { eventually } from '../lib/eventually.ts';
import { freePorts } from '../control-plane/free-port.ts';
import { runToEnd } from '../control-plane/kubectl.ts';
import { createOverlay } from '../control-plane/overlay.ts';
import { startReplica, type Replica } from '../control-plane/replica.ts';
import { SHARED_CONTROL_PLANE } from './lib/shared-control-plane.ts';
import { ADMIN, type User } from '../control-plane/user.ts';
import { pod } from './lib/webhook.ts';
import { trusting } from '../lib/trusting.ts';

const NAMESPACE = 'sigma-admission';
const MAIN = join(import.meta.dirname, '../../src/main.ts');
const CONFIGURATIONS = '/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations';

/** What the command says and how it ends, as a user outside the cluster. */
async function check(
  controlPlane: ControlPlane,
  args: readonly string[] = [],
  user: User | { readonly kubeconfig: string } = ADMIN,
): Promise<Outcome> {
  const file = 'kubeconfig' in user ? user.kubeconfig : controlPlane.kubeconfig(user);
  const kubeconfig = `--kubeconfig=${file}`;
  const asked = parseCommandLine(['install', 'check', kubeconfig, ...args], {
    env: {},
    readFile: () => '',
    version: '',
  });
  if (asked.command !== 'install check') throw new TypeError(JSON.stringify(asked));
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const exitCode = await installCheck(asked.config, {
    stdin: Readable.from([]),
    stdout,
    stderr,
    env: {},
  });
  return { stdout: await text(stdout.end()), stderr: await text(stderr.end()), exitCode };
}

interface Outcome {
  readonly stdout: string;
  readonly stderr: string;
  readonly exitCode: number | null;
}

/** What differs from run to run, by what it is. */
function constant(text: string): string {
  return text
    .replaceAll(/Kubernetes v[\d.]+/g, 'Kubernetes VERSION')
    .replaceAll(/https:\/\/[^"\\]*\/probe\?timeout=3s/g, 'URL')
    .replaceAll(/sigma-admission-config-[a-z0-9]{10}/g, 'sigma-admission-config-HASH')
    .replaceAll(/localhost:\d+/g, 'localhost:PORT')
    .replaceAll(/\d{4}-\d\d-\d\d/g, 'DATE')
    .replaceAll(/(127\.0\.0\.1|\[::1\]):\d+/g, 'ADDRESS');
}

interface Found {
  readonly check: string;
  readonly verdict: string;
  readonly found: string;
  readonly details?: readonly string[];
  readonly fix?: string;
  readonly command?: string;
}

/** One finding, of the JSON. */
async function find(
  controlPlane: ControlPlane,
  name: string,
  args: readonly string[] = [],
): Promise<Found & { readonly exitCode: number | null }> {
  const { stdout, exitCode } = await check(controlPlane, ['--format=json', ...args]);
  const { findings } = JSON.parse(constant(stdout)) as { findings: readonly Found[] };
  const found = findings.find((each) => each.check === name);
  if (found === undefined) throw new Error(`no ${name}: ${stdout}`);
  return { ...found, exitCode };
}

describeWithControlPlane('sigma-admission install check, where nothing is installed', (controlPlane) => {
  it('says so, and what to do', async () => {
    const { stdout, stderr, exitCode } = await check(controlPlane);
    expect({ stdout: constant(stdout), stderr, exitCode }).toEqual({
      stdout: `\
ok       version         Kubernetes VERSION
failed   configuration   no ValidatingWebhookConfiguration sigma-admission: nothing is sent to us
                         fix: install it:
                              kubectl apply -k manifests/overlays/warn
failed   replicas        no Deployment sigma-admission/sigma-admission: no review is answered
                         fix: install it:
                              kubectl apply -k manifests/overlays/warn
ok       other-webhooks  no other webhook is called for pods created in kube-system
unknown  identities      only an audit log shows which users create pods in kube-system
                         fix: pass an audit log: --audit-log FILE

5 checks: 2 failed, 1 unknown, 2 ok
`,
      stderr: '',
      exitCode: 1,
    });
  });

  it('as a user without rights reports unknown, neither ok nor failed', async () => {
    const { stdout, exitCode } = await check(controlPlane, [], { name: 'jane' });
    expect({ stdout: constant(stdout), exitCode }).toEqual({
      stdout: `\
ok       version         Kubernetes VERSION
unknown  configuration   ValidatingWebhookConfiguration sigma-admission: not allowed to look
                         fix: run the check as a user allowed to get
                              validatingwebhookconfigurations/sigma-admission
unknown  reachability    not allowed to probe
                         fix: run the check as a user allowed to create configmaps -n
                              sigma-admission (a dry run)
unknown  replicas        Deployment sigma-admission/sigma-admission: not allowed to look
                         fix: run the check as a user allowed to get
                              deployments.apps/sigma-admission -n sigma-admission
unknown  rights          the rights of our ServiceAccount: not allowed to ask
                         fix: run the check as a user allowed to create
                              subjectaccessreviews.authorization.k8s.io
unknown  other-webhooks  other webhooks: not allowed to look
                         fix: run the check as a user allowed to list
                              validatingwebhookconfigurations
unknown  identities      only an audit log shows which users create pods in kube-system
                         fix: pass an audit log: --audit-log FILE

7 checks: 6 unknown, 1 ok
`,
      exitCode: 0,
    });
  });

  it('says that the user is unauthorized, or that no API server listens', async () => {
    expect(await check(controlPlane, [], { token: 'none' })).toEqual({
      stdout: '',
      stderr: 'sigma-admission install check: the cluster cannot be asked: GET /version: 401: Unauthorized\n',
      exitCode: 2,
    });
    const kubeconfig = join(controlPlane.directory, 'closed-port.kubeconfig');
    const [port] = await freePorts(1);
    const text = readFileSync(controlPlane.kubeconfig(), 'utf8');
    writeFileSync(kubeconfig, text.replace(controlPlane.server, `https://127.0.0.1:${port}`));
    expect(await check(controlPlane, [], { kubeconfig })).toEqual({
      stdout: '',
      stderr: `sigma-admission install check: the cluster cannot be asked: connect ECONNREFUSED 127.0.0.1:${port}\n`,
      exitCode: 2,
    });
  });
});

/** What our entry `probe` does. */
async function deny(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { apiVersion, kind, request: asked } = (await json(request)) as Json;
  const status = { code: 403, message: `probe ${asked.object.data.nonce}` };
  response.end(JSON.stringify({ apiVersion, kind, response: { uid: asked.uid, allowed: false, status } }));
}

describeWithControlPlane('sigma-admission install check, where something is in the way', (controlPlane) => {
  let server: Server;
  let blackHole: TcpServer;
  const held = new Set<Socket>();
  let caBundle = '';

  async function register(port: number, trusted = caBundle): Promise<void> {
    const { webhooks, metadata } = trusting(
      webhookConfiguration({
        namespace: NAMESPACE,
        service: NAMESPACE,
        port,
        enforcing: false,
        distribution: 'upstream',
      }),
      trusted,
    );
    await controlPlane.api('DELETE', `${CONFIGURATIONS}/${metadata.name}`);
    const { status, body } = await controlPlane.api('POST', CONFIGURATIONS, { body: { metadata, webhooks } });
    if (status !== 201) throw new Error(body['message']);
  }

  /** The API server notices what is registered after a moment. */
  function eventuallyFound(name: string, isThere: (found: Found) => boolean): Promise<Found> {
    return eventually(name, async () => {
      const found = await find(controlPlane, name);
      if (!isThere(found)) throw new Error(JSON.stringify(found));
      return found;
    });
  }

  beforeAll(async () => {
    const now = Date.now();
    const authority = await createAuthority({ now });
    caBundle = authority.certificatePem;
    const { certificatePem: cert, keyPem: key } = await issueCertificate({
      authority,
      ...servingNames(),
      now,
    });
    server = createServer({ cert, key }, (request, response) => void deny(request, response)).listen(
      0,
      'localhost',
    );
    blackHole = createTcpServer((socket) => held.add(socket)).listen(0, 'localhost');
    await Promise.all([once(server, 'listening'), once(blackHole, 'listening')]);
    await controlPlane.api('POST', '/api/v1/namespaces', { body: { metadata: { name: NAMESPACE } } });
    await controlPlane.api('POST', `/api/v1/namespaces/${NAMESPACE}/services`, {
      body: { metadata: { name: NAMESPACE }, spec: { type: 'ExternalName', externalName: 'localhost' } },
    });
  });
  afterAll(async () => {
    await controlPlane.api('DELETE', `${CONFIGURATIONS}/sigma-admission`);
    await controlPlane.kubectl(['delete', 'namespace', NAMESPACE]);
    for (const socket of held) socket.destroy();
    server.closeAllConnections();
    await Promise.all([once(server.close(), 'close'), once(blackHole.close(), 'close')]);
  });
  const portOf = (listening: Server | TcpServer) => (listening.address() as AddressInfo).port;

  it('is answered where nothing is', async () => {
    await register(portOf(server));
    const found = await eventuallyFound('reachability', ({ verdict }) => verdict === 'ok');
    expect(found.found).toBe('a probe went through the API server to us and came back');
    expect(await find(controlPlane, 'certificate')).toEqual({
      check: 'certificate',
      verdict: 'ok',
      found: 'caBundle until DATE; the certificate of our Service verifies, until DATE',
      exitCode: 1,
    });
  });

  it('tells a refused connection', async () => {
    const [port = 0] = await freePorts(1);
    await register(port);
    expect(await eventuallyFound('reachability', (each) => each.found.includes('refused'))).toEqual({
      check: 'reachability',
      verdict: 'failed',
      found:
        'the connection of the API server to our Service is refused: Post "URL": dial tcp ADDRESS: connect: connection refused',
      fix: 'see that replicas run and are ready; if they are, a firewall or network policy rejects TCP 8443 from the control plane',
      command: 'kubectl get pods -n sigma-admission -l app.kubernetes.io/name=sigma-admission',
      exitCode: 1,
    });
  });

  it('reports a Service that never answers', async () => {
    await register(portOf(blackHole));
    expect(await eventuallyFound('reachability', (each) => each.found.includes('deadline'))).toEqual({
      check: 'reachability',
      verdict: 'failed',
      found: 'the API server gets no answer from us in time: Post "URL": context deadline exceeded',
      fix: 'let the control plane reach our pods on TCP 8443: private GKE needs a firewall rule for it, EKS the security groups of nodes and pods; if it may, see whether replicas hang',
      command: 'kubectl get pods -n sigma-admission -l app.kubernetes.io/name=sigma-admission',
      exitCode: 1,
    });
  });

  it('tells an authority that is not ours, by its own dial too', async () => {
    await register(portOf(server), (await createAuthority({ now: Date.now() })).certificatePem);
    const fix = 'running replicas put the right caBundle in within seconds, unless --manage is none: see';
    const command = 'kubectl logs -n sigma-admission -l app.kubernetes.io/name=sigma-admission';
    expect(await eventuallyFound('reachability', (each) => each.found.includes('x509'))).toEqual({
      check: 'reachability',
      verdict: 'failed',
      found:
        'TLS between the API server and us fails: Post "URL": tls: failed to verify certificate: x509: certificate signed by unknown authority',
      fix: `${fix} \`certificate\`, \`rights\` and their log`,
      command,
      exitCode: 1,
    });
    expect(await find(controlPlane, 'certificate')).toEqual({
      check: 'certificate',
      verdict: 'failed',
      found:
        'the certificate of our Service does not verify by the caBundle of guard, observe, probe, self: the certificate at localhost:PORT is not accepted: unable to verify the first certificate',
      fix: `${fix} \`rights\` and their log`,
      command,
      exitCode: 1,
    });
  });

  it('lists other webhooks that can refuse what we allow', async () => {
    await controlPlane.api('POST', CONFIGURATIONS, {
      body: {
        metadata: { name: 'theirs' },
        webhooks: [
          {
            name: 'pods.example.org',
            clientConfig: { url: 'https://localhost:1/pods' },
            rules: [{ apiGroups: ['*'], apiVersions: ['*'], operations: ['*'], resources: ['*/*'] }],
            objectSelector: { matchLabels: { theirs: 'yes' } },
            failurePolicy: 'Fail',
            sideEffects: 'None',
            admissionReviewVersions: ['v1'],
            timeoutSeconds: 7,
          },
        ],
      },
    });
    const found = await find(controlPlane, 'other-webhooks');
    await controlPlane.api('DELETE', `${CONFIGURATIONS}/theirs`);
    expect(found).toEqual({
      check: 'other-webhooks',
      verdict: 'warning',
      found:
        'another webhook is called for pods created in kube-system: up to 7 s; it refuses them when down',
      details: ['theirs: pods.example.org: validating, Fail, 7 s, for some of them, by labels'],
      fix: 'what we would allow is then refused, controllers and kubelets included: take kube-system out by its namespaceSelector, or set Ignore',
      exitCode: 1,
    });
  });
});

/** The requests of `other` for the rules that ship. */
const OTHER =
  'CREATE/UPDATE pods, pods/binding, pods/ephemeralcontainers, pods/eviction and 1 more; CONNECT pods/attach, pods/exec, ' +
  'pods/portforward, pods/proxy; CREATE serviceaccounts/token in every namespace but sigma-admission';

describeWithControlPlane(
  'sigma-admission install check, where it is installed',
  (controlPlane) => {
    let balancer: Balancer;
    let replicas: readonly Replica[] = [];
    const deployment = ['-n', NAMESPACE, 'deployment/sigma-admission'];

    async function kubectl(...args: readonly string[]): Promise<void> {
      const { exitCode, stderr } = await controlPlane.kubectl(args);
      if (exitCode !== 0) throw new Error(stderr);
    }

    beforeAll(async () => {
      balancer = await startBalancer();
      const overlay = createOverlay({ of: 'overlays/warn', port: balancer.port });
      await kubectl('apply', '-k', overlay.directory);
      overlay.remove();
      await kubectl('rollout', 'status', ...deployment, '--timeout=30s');
      replicas = await Promise.all([startReplica(controlPlane), startReplica(controlPlane)]);
      balancer.route(replicas.map(({ port }) => port));
      await eventually('it is trusted and owned', async () => {
        const { body } = await controlPlane.api('GET', `${CONFIGURATIONS}/sigma-admission`);
        return body['metadata'].ownerReferences !== undefined;
      });
    });
    afterAll(async () => {
      await controlPlane.kubectl(['delete', 'namespace', NAMESPACE]);
      await controlPlane.kubectl(['delete', 'validatingwebhookconfiguration', 'sigma-admission']);
      await Promise.all(replicas.map((replica) => replica.stop()));
      await balancer.close();
    });

    it('finds nothing wrong, and says what it saw', async () => {
      const { stdout, stderr, exitCode } = await eventually('all is well', async () => {
        const outcome = await check(controlPlane);
        if (outcome.exitCode !== 0) throw new Error(outcome.stdout);
        return outcome;
      });
      expect({ stdout: constant(stdout), stderr, exitCode }).toEqual({
        stdout: `\
ok       version         Kubernetes VERSION
ok       configuration   sigma-admission has our 6 entries: guard, observe, other, other-observe,
                         probe, self
ok       entries         as the replicas want them: for upstream, and 15 rules
ok       coverage        rules asked: 15, in part: 0, never: 0; 12 in a lesser mode than wished for
ok       conditions      none of ours ended in an error, by the API server that answered
ok       reachability    a probe went through the API server to us and came back
ok       certificate     caBundle until DATE; the certificate of our Service verifies, until
                         DATE
ok       replicas        2 of 2 replicas are available
ok       mode            no match is refused, and guard is Ignore
ok       break-glass     not broken
ok       if-down         all would be allowed, but for our own probe
                         - guard: allowed after 3 s: CREATE pods in kube-system, except by
                           identities that heal a cluster
                         - observe: allowed after 1 s: CREATE pods in kube-system, by identities
                           that heal a cluster
                         - other: allowed after 3 s: CREATE/UPDATE pods, pods/binding,
                           pods/ephemeralcontainers, pods/eviction and 1 more; CONNECT pods/attach,
                           pods/exec, pods/portforward, pods/proxy; CREATE serviceaccounts/token in
                           every namespace but sigma-admission, except by identities that heal a
                           cluster, where a rule may match
                         - other-observe: allowed after 1 s: CREATE/UPDATE pods, pods/binding,
                           pods/ephemeralcontainers, pods/eviction and 1 more; CONNECT pods/attach,
                           pods/exec, pods/portforward, pods/proxy; CREATE serviceaccounts/token in
                           every namespace but sigma-admission, by identities that heal a cluster,
                           where a rule may match
                         - probe: refused after 3 s: CREATE configmaps in sigma-admission, our own
                           probe
                         - self: allowed after 3 s: CREATE/UPDATE/DELETE configmaps, secrets,
                           deployments, deployments/scale in sigma-admission
ok       rights          our ServiceAccount has all the rights that it needs
ok       owner           the configuration goes with namespace sigma-admission
ok       exclusion       no distribution keeps kube-system from us
ok       other-webhooks  no other webhook is called for pods created in kube-system
unknown  identities      only an audit log shows which users create pods in kube-system
                         fix: pass an audit log: --audit-log FILE

16 checks: 1 unknown, 15 ok
`,
        stderr: '',
        exitCode: 0,
      });
    });

    it('says the same as JSON, as a program of its own', async () => {
      const args = [MAIN, 'install', 'check', '--format=json'];
      const env = { KUBECONFIG: controlPlane.kubeconfig(), [SHARED_CONTROL_PLANE]: '' };
      const { stdout, stderr, exitCode } = await runToEnd(process.execPath, args, env);
      expect({ stdout: JSON.parse(constant(stdout)), stderr, exitCode }).toEqual({
        stdout: {
          failed: false,
          findings: [
            { check: 'version', verdict: 'ok', found: 'Kubernetes VERSION' },
            {
              check: 'configuration',
              verdict: 'ok',
              found: 'sigma-admission has our 6 entries: guard, observe, other, other-observe, probe, self',
            },
            {
              check: 'entries',
              verdict: 'ok',
              found: 'as the replicas want them: for upstream, and 15 rules',
            },
            {
              check: 'coverage',
              verdict: 'ok',
              found: 'rules asked: 15, in part: 0, never: 0; 12 in a lesser mode than wished for',
            },
            {
              check: 'conditions',
              verdict: 'ok',
              found: 'none of ours ended in an error, by the API server that answered',
            },
            {
              check: 'reachability',
              verdict: 'ok',
              found: 'a probe went through the API server to us and came back',
            },
            {
              check: 'certificate',
              verdict: 'ok',
              found: 'caBundle until DATE; the certificate of our Service verifies, until DATE',
            },
            { check: 'replicas', verdict: 'ok', found: '2 of 2 replicas are available' },
            { check: 'mode', verdict: 'ok', found: 'no match is refused, and guard is Ignore' },
            { check: 'break-glass', verdict: 'ok', found: 'not broken' },
            {
              check: 'if-down',
              verdict: 'ok',
              found: 'all would be allowed, but for our own probe',
              details: [
                'guard: allowed after 3 s: CREATE pods in kube-system, except by identities that heal a cluster',
                'observe: allowed after 1 s: CREATE pods in kube-system, by identities that heal a cluster',
                `other: allowed after 3 s: ${OTHER}, except by identities that heal a cluster, where a rule may match`,
                `other-observe: allowed after 1 s: ${OTHER}, by identities that heal a cluster, where a rule may match`,
                'probe: refused after 3 s: CREATE configmaps in sigma-admission, our own probe',
                'self: allowed after 3 s: CREATE/UPDATE/DELETE configmaps, secrets, deployments, deployments/scale in sigma-admission',
              ],
            },
            { check: 'rights', verdict: 'ok', found: 'our ServiceAccount has all the rights that it needs' },
            { check: 'owner', verdict: 'ok', found: 'the configuration goes with namespace sigma-admission' },
            { check: 'exclusion', verdict: 'ok', found: 'no distribution keeps kube-system from us' },
            {
              check: 'other-webhooks',
              verdict: 'ok',
              found: 'no other webhook is called for pods created in kube-system',
            },
            {
              check: 'identities',
              verdict: 'unknown',
              found: 'only an audit log shows which users create pods in kube-system',
              fix: 'pass an audit log: --audit-log FILE',
            },
          ],
        },
        stderr: '',
        exitCode: 0,
      });
    });

    it('can be run by its own service account, which may not see everything', async () => {
      const token = await controlPlane.createToken(NAMESPACE, 'sigma-admission');
      const { stdout, exitCode } = await check(controlPlane, [], { token });
      expect({ stdout: constant(stdout), exitCode }).toEqual({
        stdout: `\
ok       version         Kubernetes VERSION
ok       configuration   sigma-admission has our 6 entries: guard, observe, other, other-observe,
                         probe, self
ok       entries         as the replicas want them: for upstream, and 15 rules
ok       coverage        rules asked: 15, in part: 0, never: 0; 12 in a lesser mode than wished for
unknown  conditions      errors of match conditions: not allowed to look
                         fix: run the check as a user allowed to get /metrics
ok       reachability    a probe went through the API server to us and came back
ok       certificate     caBundle until DATE; the certificate of our Service verifies, until
                         DATE
ok       replicas        2 of 2 replicas are available
ok       mode            no match is refused, and guard is Ignore
ok       break-glass     not broken
ok       if-down         all would be allowed, but for our own probe
                         - guard: allowed after 3 s: CREATE pods in kube-system, except by
                           identities that heal a cluster
                         - observe: allowed after 1 s: CREATE pods in kube-system, by identities
                           that heal a cluster
                         - other: allowed after 3 s: CREATE/UPDATE pods, pods/binding,
                           pods/ephemeralcontainers, pods/eviction and 1 more; CONNECT pods/attach,
                           pods/exec, pods/portforward, pods/proxy; CREATE serviceaccounts/token in
                           every namespace but sigma-admission, except by identities that heal a
                           cluster, where a rule may match
                         - other-observe: allowed after 1 s: CREATE/UPDATE pods, pods/binding,
                           pods/ephemeralcontainers, pods/eviction and 1 more; CONNECT pods/attach,
                           pods/exec, pods/portforward, pods/proxy; CREATE serviceaccounts/token in
                           every namespace but sigma-admission, by identities that heal a cluster,
                           where a rule may match
                         - probe: refused after 3 s: CREATE configmaps in sigma-admission, our own
                           probe
                         - self: allowed after 3 s: CREATE/UPDATE/DELETE configmaps, secrets,
                           deployments, deployments/scale in sigma-admission
ok       rights          our ServiceAccount has all the rights that it needs
ok       owner           the configuration goes with namespace sigma-admission
ok       exclusion       no distribution keeps kube-system from us
unknown  other-webhooks  other webhooks: not allowed to look
                         fix: run the check as a user allowed to list
                              validatingwebhookconfigurations
unknown  identities      only an audit log shows which users create pods in kube-system
                         fix: pass an audit log: --audit-log FILE

16 checks: 3 unknown, 13 ok
`,
        exitCode: 0,
      });
    });

    it('knows from an audit log the users of kube-system, and which distribution that is', async () => {
      const from = controlPlane.auditLogSize();
      const addonManager = { name: 'system:addon-manager', groups: ['system:masters'] };
      const made = await controlPlane.kubectl(['create', '-f', '-'], {
        input: pod('addon', 'kube-system'),
        user: addonManager,
      });
      expect(made.exitCode).toBe(0);
      await kubectl('-n', 'kube-system', 'delete', 'pod', 'addon', '--force');
      const log = join(controlPlane.directory, 'since.log');
      const events = await eventually('the creation is logged', () => {
        const found = controlPlane
          .auditEvents(from)
          .filter(({ user, verb }) => user?.username === addonManager.name && verb === 'create');
        return found.length > 0 && found;
      });
      writeFileSync(log, events.map((event) => `${JSON.stringify(event)}\n`).join(''));
      expect(await find(controlPlane, 'identities', [`--audit-log=${log}`])).toEqual({
        check: 'identities',
        verdict: 'warning',
        found: '1 user works in kube-system, by the audit log; gke fits best, registered is upstream',
        details: [
          "system:addon-manager creates pods in kube-system (1) and is none of upstream's: use manifests/distributions/gke",
          'system:addon-manager creates pods in kube-system (1): name filters/presets/addon-managers.yml under filtersDirs',
        ],
        fix: 'follow each line above; sigma-admission replay shows what enforce would have refused',
        exitCode: 0,
      });
    });

    it('sees that the glass is broken', async () => {
      await kubectl('annotate', ...deployment, 'sigma-admission/break-glass=nodes will not start');
      expect(await find(controlPlane, 'break-glass')).toEqual({
        check: 'break-glass',
        verdict: 'warning',
        found: 'broken, so that every entry is Ignore: "nodes will not start"',
        fix: 'remove the annotation when the incident is over',
        command:
          'kubectl -n sigma-admission annotate deployment/sigma-admission sigma-admission/break-glass-',
        exitCode: 0,
      });
      await kubectl('annotate', ...deployment, 'sigma-admission/break-glass-');
    });

    it('sees what our service account may no longer do', async () => {
      await kubectl('-n', NAMESPACE, 'delete', 'role', 'sigma-admission');
      const found = await eventually('every right is gone', async () => {
        const each = await find(controlPlane, 'rights');
        return each.details?.length === 12 && each;
      });
      expect(found).toEqual({
        check: 'rights',
        verdict: 'failed',
        found: 'sigma-admission/sigma-admission, our ServiceAccount, lacks rights that it needs',
        details: [
          'get deployments.apps/sigma-admission -n sigma-admission: needed for break-glass',
          'get services/sigma-admission -n sigma-admission: needed for dialling ourselves',
          'get namespaces/sigma-admission -n sigma-admission: needed for being deleted with our namespace',
          'create configmaps/sigma-admission-probe -n sigma-admission: needed for probing before guard is set to Fail',
          'get configmaps -n sigma-admission: needed for Events that say that the mode was lowered',
          'create events.events.k8s.io -n sigma-admission: needed for Events that say what was restored',
          'get leases.coordination.k8s.io/sigma-admission -n sigma-admission: needed for agreeing with the other replicas',
          'create leases.coordination.k8s.io/sigma-admission -n sigma-admission: needed for agreeing with the other replicas',
          'patch leases.coordination.k8s.io/sigma-admission -n sigma-admission: needed for agreeing with the other replicas',
          'get secrets/sigma-admission-tls -n sigma-admission: needed for our certificate',
          'update secrets/sigma-admission-tls -n sigma-admission: needed for renewing our certificate',
          'create secrets/sigma-admission-tls -n sigma-admission: needed for making the Secret again if it is deleted',
        ],
        fix: 'apply the manifests again: manifests/base/30-rbac.yaml has these rights',
        exitCode: 1,
      });
    });
  },
  ['kube-controller-manager', 'kube-scheduler'],
);
