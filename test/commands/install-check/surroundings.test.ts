import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterAll, describe, expect, it } from '@jest/globals';
import { ApiError, type ApiServer } from '../../../src/cluster/api-server.ts';
import { readCallers, type LoggedCaller } from '../../../src/commands/install-check/callers.ts';
import { checkCertificate, type Dialled } from '../../../src/commands/install-check/certificate.ts';
import type { ClusterView } from '../../../src/commands/install-check/cluster-view.ts';
import type { ServeSettings } from '../../../src/commands/install-check/serve-settings.ts';
import { checkConditions } from '../../../src/commands/install-check/conditions.ts';
import { checkExclusion, recognize } from '../../../src/commands/install-check/distribution.ts';
import type { CheckFinding } from '../../../src/commands/install-check/finding.ts';
import { checkIdentities } from '../../../src/commands/install-check/identities.ts';
import { checkOtherWebhooks } from '../../../src/commands/install-check/other-webhooks.ts';
import { selects } from '../../../src/kubernetes/label-selector.ts';
import { findingsText } from '../../../src/commands/install-check/findings-text.ts';
import { checkReachability } from '../../../src/commands/install-check/reachability.ts';
import {
  askRights,
  checkRights,
  formatRight,
  requiredRights,
} from '../../../src/commands/install-check/rights.ts';
import type { ProbeOutcome } from '../../../src/registration/probe-outcome.ts';
import { createAuthority } from '../../../src/certificates/authority.ts';
import { configuration, entries, MISSING, NOT_ALLOWED, present, settings, view } from './view.ts';

function said(findings: CheckFinding | readonly CheckFinding[]): readonly string[] {
  return [findings]
    .flat()
    .map(({ verdict, found }) => `${verdict}: ${found.replaceAll(/\d{4}-\d\d-\d\d/g, 'DATE')}`);
}

describe('conditions', () => {
  const errors = (name: string, count: number) =>
    `apiserver_admission_match_condition_evaluation_errors_total{kind="webhook",name="${name}",operation="CREATE",type="validating"} ${count}\n`;

  it('that never ended in an error are ok, whatever those of others did', () => {
    for (const metrics of ['', errors('other.example.org', 7), errors('guard.sigma-admission.svc', 0)])
      expect(said(checkConditions(view({ metrics: present(metrics) })))).toEqual([
        'ok: none of ours ended in an error, by the API server that answered',
      ]);
  });

  it('that did are a warning, entry by entry', () => {
    const metrics = [
      errors('guard.sigma-admission.svc', 2),
      errors('guard.sigma-admission.svc', 1),
      errors('self.sigma-admission.svc', 4),
    ];
    expect(checkConditions(view({ metrics: present(metrics.join('')) }))).toEqual([
      {
        check: 'conditions',
        verdict: 'warning',
        found: 'some of ours ended in errors, by the API server that answered, since its start',
        details: ['guard: 3', 'self: 4'],
        fix: 'each is a request that we were not asked about, or that was refused; look for it as docs/runbook.md says under Conditions that end in errors',
      },
    ]);
  });

  it('are unknown where its metrics cannot be read, and not looked at where nothing is registered', () => {
    expect(said(checkConditions(view({ metrics: NOT_ALLOWED })))).toEqual([
      'unknown: errors of match conditions: not allowed to look',
    ]);
    expect(said(checkConditions(view({ metrics: MISSING })))).toEqual([
      'unknown: errors of match conditions: the API server has no /metrics',
    ]);
    expect(checkConditions(view({ configuration: MISSING }))).toEqual([]);
  });
});

const DAY_MS = 24 * 3_600_000;

describe('reachability', () => {
  it.each<[ProbeOutcome['kind'], string, string]>([
    [
      'no-endpoints',
      'service "sigma-admission" not found',
      'failed: the API server finds no endpoint for our Service: service "sigma-admission" not found',
    ],
    ['not-allowed', 'configmaps is forbidden', 'unknown: not allowed to probe'],
    ['not-registered', 'the probe was let through', 'failed: the API server did not call our webhook'],
    ['other', 'EOF', 'failed: the probe did not come back: EOF'],
  ])('%s', (kind, detail, expected) => {
    expect(said(checkReachability(view(), { kind, detail }))).toEqual([expected]);
  });

  it('names the port behind the Service, whatever that calls it', () => {
    const service = present({ metadata: { name: 's' }, spec: { ports: [{ port: 443, targetPort: 9443 }] } });
    const ports = [{}, { service }, { service: MISSING, deployment: MISSING }].map((changes) => {
      const [finding] = checkReachability(view(changes), { kind: 'timed-out', detail: '' });
      return /TCP (\S+):/.exec(JSON.stringify(finding))?.[1];
    });
    expect(ports).toEqual(['8443', '9443', '8443']);
  });

  it('says that it is being removed where the namespace is', () => {
    const detail = 'configmaps "p" is forbidden: unable to create new content in namespace sigma-admission';
    const namespace = present({
      metadata: { name: 'sigma-admission', uid: 'uid-1', deletionTimestamp: '2026-11-24T12:00:00Z' },
    });
    expect(checkReachability(view({ namespace }), { kind: 'other', detail })).toEqual([
      {
        check: 'reachability',
        verdict: 'failed',
        found: `the probe did not come back: ${detail}`,
        fix: 'namespace sigma-admission is being deleted: install again when it is gone',
      },
    ]);
  });

  it('says why the webhook was not called', () => {
    const fixes = [entries().slice(0, 2), entries({ probe: { failurePolicy: 'Ignore' } }), entries()].map(
      (webhooks) => {
        const changes = { configuration: present(configuration(webhooks)) };
        const [finding] = checkReachability(view(changes), { kind: 'not-registered', detail: '' });
        return finding !== undefined && 'fix' in finding && finding.fix.slice(0, 40);
      },
    );
    expect(fixes).toEqual([
      'the entry `probe` is missing: apply the ',
      'the entry `probe` is Ignore (by break-gl',
      'the API server notices a new entry withi',
    ]);
  });
});

describe('the certificate', () => {
  const now = Date.now();
  const answered: ProbeOutcome = { kind: 'answered', detail: '' };
  const unreached: Dialled = { kind: 'not-reached' };
  const base64 = (text: string) => Buffer.from(text).toString('base64');
  const trusting = (caBundle: string | undefined) =>
    present(
      configuration(
        entries().map((entry) => ({
          ...entry,
          clientConfig: { ...entry.clientConfig, ...(caBundle === undefined ? {} : { caBundle }) },
        })),
      ),
    );
  const found = (
    changes: Partial<ClusterView>,
    outcome: ProbeOutcome | undefined,
    dialled: Dialled,
    at = now,
  ) => said(checkCertificate(view(changes), outcome, dialled, at));

  it.each<[string, Partial<ClusterView>, ProbeOutcome | undefined, Dialled, string]>([
    [
      'dialled',
      {},
      undefined,
      { kind: 'verified', until: new Date(now) },
      'ok: caBundle until DATE; the certificate of our Service verifies, until DATE',
    ],
    [
      'accepted by the API server',
      {},
      answered,
      unreached,
      'ok: caBundle until DATE; the API server accepts our certificate',
    ],
    [
      'not checked',
      {},
      undefined,
      unreached,
      'unknown: caBundle until DATE; our certificate was not checked: our Service cannot be reached from here',
    ],
    [
      'refused by the API server',
      {},
      { kind: 'certificate', detail: 'x509: …' },
      unreached,
      'failed: the API server reports: x509: …',
    ],
    [
      'not verified',
      {},
      undefined,
      { kind: 'not-verified', entries: ['guard', 'other'], why: 'self-signed' },
      'failed: the certificate of our Service does not verify by the caBundle of guard, other: self-signed',
    ],
    [
      'not trusted',
      { configuration: trusting('') },
      answered,
      unreached,
      'failed: no caBundle in guard, observe, probe, self: no certificate of ours is trusted',
    ],
    [
      'trusted by no certificate',
      { configuration: trusting(base64('nonsense')) },
      answered,
      unreached,
      'failed: the caBundle of guard, observe, probe, self holds no certificates in PEM',
    ],
  ])('%s', (_, changes, outcome, dialled, expected) => {
    expect(found(changes, outcome, dialled)).toEqual([expected]);
  });

  it('ends, and is near its end before', () => {
    const after = (days: number) => found({}, answered, unreached, now + days * DAY_MS);
    expect([after(2700), after(2800), after(3700)].flat()).toEqual([
      'ok: caBundle until DATE; the API server accepts our certificate',
      'warning: caBundle until DATE: less than a quarter of its life is left',
      'failed: caBundle until DATE: it has expired',
    ]);
  });

  describe('that guard is told to trust another way than the others', () => {
    const guardTrusts = async (isOursToo: boolean) => {
      const { certificatePem } = await createAuthority({ now });
      const [guard, ...others] = entries();
      if (guard === undefined) throw new TypeError('guard is the first');
      const own = isOursToo ? Buffer.from(guard.clientConfig.caBundle ?? '', 'base64').toString() : '';
      const clientConfig = { ...guard.clientConfig, caBundle: base64(certificatePem + own) };
      return { configuration: present(configuration([{ ...guard, clientConfig }, ...others])) };
    };
    const accepted = 'by which the API server accepts our certificate';

    it('fails by its name where it trusts a stranger alone, which a probe does not show', async () => {
      expect(found(await guardTrusts(false), answered, unreached)).toEqual([
        `failed: guard trusts no authority of probe, ${accepted}`,
      ]);
    });

    it('is a warning where it trusts ours, too', async () => {
      expect(found(await guardTrusts(true), answered, unreached)).toEqual([
        'warning: the caBundle of guard differs from that of probe',
      ]);
    });

    it('is a warning where nothing shows which of them is right', async () => {
      expect(found(await guardTrusts(false), undefined, unreached)).toEqual([
        'warning: the caBundle of guard differs from that of probe',
      ]);
    });
  });
});

describe('the rights', () => {
  const names = { namespace: 'ns', configuration: 'hooks' };
  const { secret: _, ...withoutSecret } = settings();
  const needed = (changes: Partial<ServeSettings>) =>
    requiredRights(names, { ...withoutSecret, ...changes }).map(formatRight);

  it('are those that the settings of the replicas take', () => {
    const all = needed({ manage: 'all', secret: 'tls' });
    const fewest = needed({ manage: 'none' });
    expect(all.filter((right) => !fewest.includes(right))).toEqual([
      'update validatingwebhookconfigurations.admissionregistration.k8s.io/hooks',
      'create validatingwebhookconfigurations.admissionregistration.k8s.io/hooks',
      'patch validatingwebhookconfigurations.admissionregistration.k8s.io/hooks',
      'get leases.coordination.k8s.io/sigma-admission -n ns',
      'create leases.coordination.k8s.io/sigma-admission -n ns',
      'patch leases.coordination.k8s.io/sigma-admission -n ns',
      'get secrets/tls -n ns',
      'update secrets/tls -n ns',
      'create secrets/tls -n ns',
    ]);
  });

  it('are to read, list and watch all that a pod may be made by', () => {
    const rights = requiredRights(names, settings()).filter(
      (right) => right.for === 'finding the creator of a pod',
    );
    expect(Object.groupBy(rights, ({ verb }) => verb)).toEqual({
      get: expect.any(Array),
      list: expect.any(Array),
      watch: expect.any(Array),
    });
    const granted = ['get', 'list', 'watch'].map((verb) =>
      rights.filter((right) => right.verb === verb).map(({ group, resource }) => `${group}/${resource}`),
    );
    expect(granted[0]).toContain('apps/replicasets');
    expect(granted).toEqual([granted[0], granted[0], granted[0]]);
  });

  it.each([
    ['its own, of itself', 'system:serviceaccount:ns:sigma-admission', 'selfsubjectaccessreviews'],
    ['by another user', 'admin', 'subjectaccessreviews'],
  ])('are asked about: %s', async (_, username, reviews) => {
    const asked: string[] = [];
    const api = {
      async create(path: string, review: { readonly spec?: { readonly resourceAttributes: object } }) {
        if (review.spec === undefined) return { status: { userInfo: { username } } };
        asked.push(path);
        return { status: { allowed: 'verb' in review.spec.resourceAttributes } };
      },
    } as Partial<ApiServer> as ApiServer;
    const [right] = requiredRights(names, settings());
    if (right === undefined) throw new TypeError('some right is needed');
    expect(await askRights(api, 'ns', [right])).toEqual({ lacking: [] });
    expect(asked).toEqual([`/apis/authorization.k8s.io/v1/${reviews}`]);
  });

  it('are unknown to a user who may not ask', async () => {
    const api = {
      create: () => Promise.reject(new ApiError(403, 'forbidden')),
    } as Partial<ApiServer> as ApiServer;
    const rights = requiredRights(names, settings());
    expect(said(checkRights(view(), await askRights(api, 'ns', rights)))).toEqual([
      'unknown: the rights of our ServiceAccount: not allowed to ask',
    ]);
  });

  it('that are not vital are a warning', () => {
    const lacking = [{ verb: 'create', group: '', resource: 'configmaps', namespace: 'ns', for: 'probing' }];
    expect(said(checkRights(view(), { lacking }))).toEqual([
      'warning: sigma-admission/sigma-admission, our ServiceAccount, lacks rights that it needs',
    ]);
  });
});

describe('webhooks of others', () => {
  const pods = { apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'] };
  const hook = (changes: object) => ({
    name: 'a.example.org',
    clientConfig: { url: 'https://a.example.org' },
    rules: [pods],
    ...changes,
  });
  const theirs = (...webhooks: readonly object[]) =>
    present({ items: [{ metadata: { name: 'theirs' }, webhooks: webhooks.map((each) => hook(each)) }] });

  it.each<[string, Partial<ClusterView>, readonly string[] | undefined]>([
    ['none but ours', {}, undefined],
    ['another resource', { mutating: theirs({ rules: [{ ...pods, resources: ['pods/exec'] }] }) }, undefined],
    [
      'another namespace',
      { mutating: theirs({ namespaceSelector: { matchLabels: { team: 'a' } } }) },
      undefined,
    ],
    ['cluster-wide things', { mutating: theirs({ rules: [{ ...pods, scope: 'Cluster' }] }) }, undefined],
    [
      'everything',
      { mutating: theirs({ rules: [{ ...pods, apiGroups: ['*'], resources: ['*/*'] }] }) },
      ['theirs: a.example.org: mutating, Fail, 10 s'],
    ],
    [
      'some',
      {
        validating: theirs({ failurePolicy: 'Ignore', matchConditions: [{ name: 'c', expression: 'true' }] }),
      },
      ['theirs: a.example.org: validating, Ignore, 10 s, for some of them, by conditions'],
    ],
  ])('%s', (_, changes, details) => {
    expect(checkOtherWebhooks(view(changes)).details).toEqual(details);
  });

  it('take as long as all mutating ones, and the slowest validating one', () => {
    const changes = {
      mutating: theirs({ timeoutSeconds: 2, failurePolicy: 'Ignore' }, { timeoutSeconds: 3 }),
      validating: theirs({ timeoutSeconds: 5 }, { timeoutSeconds: 7 }),
    };
    expect(said(checkOtherWebhooks(view(changes)))).toEqual([
      'warning: 4 other webhooks are called for pods created in kube-system: up to 12 s; 3 refuse them when down',
    ]);
  });

  it('may not be seen', () => {
    expect(said(checkOtherWebhooks(view({ mutating: NOT_ALLOWED })))).toEqual([
      'unknown: other webhooks: not allowed to look',
    ]);
  });

  it.each([
    [{}, true],
    [{ matchLabels: { a: '1' } }, true],
    [{ matchLabels: { a: '2' } }, false],
    [{ matchExpressions: [{ key: 'a', operator: 'In', values: ['1', '2'] }] }, true],
    [{ matchExpressions: [{ key: 'a', operator: 'NotIn', values: ['1'] }] }, false],
    [{ matchExpressions: [{ key: 'b', operator: 'NotIn', values: ['1'] }] }, true],
    [{ matchExpressions: [{ key: 'b', operator: 'Exists' }] }, false],
    [{ matchExpressions: [{ key: 'a', operator: 'DoesNotExist' }] }, false],
  ])('selected by %j: %s', (selector, expected) => {
    expect(selects(selector, { a: '1' })).toBe(expected);
  });
});

const node = (labels: Readonly<Record<string, string>>, osImage = 'Debian') =>
  present({ items: [{ metadata: { name: 'n1', labels }, status: { nodeInfo: { osImage } } }] });
const version = (gitVersion: string) => ({ major: '1', minor: '34', gitVersion });

describe('the distribution', () => {
  it.each<[string, Partial<ClusterView>, string | undefined]>([
    ['v1.34.1', {}, undefined],
    ['v1.34.1-gke.1293000', {}, 'gke'],
    ['v1.34.1-eks-3b1ab5d', {}, 'eks'],
    ['v1.34.1+k3s1', {}, 'k3s'],
    ['v1.34.1+rke2r1', {}, 'rke2'],
    ['v1.34.1', { nodes: node({ 'kubernetes.azure.com/cluster': 'c' }) }, 'aks'],
    ['v1.34.1', { nodes: node({ 'kops.k8s.io/instancegroup': 'nodes' }) }, 'kops'],
    ['v1.34.1', { nodes: node({}, 'Talos (v1.11.1)') }, 'talos'],
    ['v1.34.1', { nodes: NOT_ALLOWED }, undefined],
  ])('%s, %j: %s', (gitVersion, changes, expected) => {
    expect(recognize(view({ version: version(gitVersion), ...changes }))?.distribution).toBe(expected);
  });

  const aks = node({ 'kubernetes.azure.com/cluster': 'c' });
  const unlabelled = present(configuration(undefined, { labels: {} }));
  it.each<[string, Partial<ClusterView>, string]>([
    ['upstream', {}, 'ok: no distribution keeps kube-system from us'],
    [
      'AKS',
      { nodes: aks },
      'ok: AKS (the label kubernetes.azure.com/cluster of node n1) is told by label to leave kube-system to us',
    ],
    [
      'AKS, without the label',
      { nodes: aks, configuration: unlabelled },
      'failed: AKS (the label kubernetes.azure.com/cluster of node n1) silently keeps kube-system from us',
    ],
    [
      'perhaps AKS',
      { nodes: NOT_ALLOWED, configuration: unlabelled },
      'unknown: whether this is AKS, which would keep kube-system from us: not allowed to look',
    ],
    [
      'not AKS',
      { configuration: unlabelled },
      'ok: not AKS, which would keep kube-system from us without the label admissions.enforcer/disabled',
    ],
    [
      'GKE',
      { version: version('v1.34.1-gke.1') },
      'ok: GKE (version v1.34.1-gke.1) keeps nothing from us; it may show the insights K8S_ADMISSION_WEBHOOK_UNSAFE and _UNAVAILABLE, which are warnings',
    ],
  ])('keeps kube-system from us, or not: %s', (_, changes, expected) => {
    expect(said(checkExclusion(view(changes)))).toEqual([expected]);
  });
});

describe('a user of kube-system', () => {
  const caller = (changes: Partial<LoggedCaller>): LoggedCaller => ({
    username: 'jane',
    what: 'pods',
    count: 1,
    heals: [],
    accepted: 'no',
    ...changes,
  });
  const details = (changes: Partial<ClusterView>, ...callers: readonly LoggedCaller[]) =>
    checkIdentities(view(changes), { callers, problems: [] })[0]?.details;

  it('is not known without a log; which distribution it is may be', () => {
    expect(said(checkIdentities(view(), undefined))).toEqual([
      'unknown: only an audit log shows which users create pods in kube-system',
    ]);
    expect(said(checkIdentities(view({ version: version('v1.34.1+k3s1') }), undefined))).toEqual([
      'warning: this is k3s, by version v1.34.1+k3s1; our entries are for upstream: add the component manifests/distributions/k3s',
    ]);
  });

  it('is known, each of them', () => {
    const known = caller({ heals: ['upstream', 'gke'], accepted: 'loaded' });
    expect(said(checkIdentities(view(), { callers: [known], problems: [] }))).toEqual([
      'ok: 1 user works in kube-system; upstream fits',
    ]);
  });

  it('is in no line of this log', () => {
    expect(said(checkIdentities(view(), { callers: [], problems: [] }))).toEqual([
      'unknown: the audit log shows no user that creates pods in kube-system',
    ]);
  });

  it.each<[string, LoggedCaller, readonly string[]]>([
    [
      'of another distribution',
      caller({ username: 'kops', heals: ['kops'], accepted: 'loaded' }),
      ["kops creates pods in kube-system (1) and is none of upstream's: use manifests/distributions/kops"],
    ],
    [
      'accepted by a preset',
      caller({ username: 'aksService', what: 'tokens', accepted: { by: 'filters/presets/aks.yml' } }),
      ['aksService requests tokens of controllers (1): name filters/presets/aks.yml under filtersDirs'],
    ],
    [
      'accepted by no filter',
      caller({}),
      ['jane creates pods in kube-system (1) and no filter accepts it: if one should, write it'],
    ],
  ])('is %s', (_, each, expected) => {
    expect(details({}, each)).toEqual(expected);
  });
});

describe('an audit log', () => {
  const directory = mkdtempSync(join(tmpdir(), 'sigma-admission-callers-'));
  afterAll(() => rmSync(directory, { recursive: true }));
  const event = (user: object, objectRef: object, more: object = {}) => ({
    kind: 'Event',
    apiVersion: 'audit.k8s.io/v1',
    level: 'Metadata',
    stage: 'ResponseComplete',
    verb: 'create',
    user,
    objectRef: { namespace: 'kube-system', apiVersion: 'v1', ...objectRef },
    responseStatus: { code: 201 },
    ...more,
  });
  const pods = { resource: 'pods', name: 'p' };
  const token = (name: string) => ({ resource: 'serviceaccounts', subresource: 'token', name });
  const controller = {
    username: 'system:serviceaccount:kube-system:job-controller',
    uid: '1',
    groups: ['system:serviceaccounts:kube-system'],
  };
  const alice = { username: 'alice' };
  const read = (logs: readonly string[]) =>
    readCallers({
      logs,
      stdin: Readable.from([]),
      rulesDirs: ['rules'],
      filtersDirs: ['filters'],
    });

  it('that gives no audit event is a problem, an empty one is none', async () => {
    const [other, empty] = [join(directory, 'other.log'), join(directory, 'empty.log')];
    writeFileSync(other, '{"hello":1}\n');
    writeFileSync(empty, '');
    expect(await read([other, empty])).toEqual({
      callers: [],
      problems: [`${other}: no audit event in it`],
    });
  });

  it('shows the users that create pods there and request tokens of controllers, and the filter that accepts them', async () => {
    const log = join(directory, 'audit.log');
    const events = [
      event(controller, pods),
      event(controller, pods),
      event({ username: 'aksService' }, token('job-controller')),
      event({ username: 'system:kube-controller-manager' }, token('daemon-set-controller')),
      event(alice, pods),
      // None of these counts: another namespace, another account, a subresource, refused, a dry run, an earlier stage.
      event(alice, { ...pods, namespace: 'default' }),
      event(alice, token('coredns')),
      event(alice, { ...pods, subresource: 'binding' }),
      event(alice, pods, { responseStatus: { code: 403 } }),
      event(alice, pods, { requestURI: '/api/v1/namespaces/kube-system/pods?dryRun=All' }),
      event(alice, pods, { stage: 'RequestReceived' }),
      event(controller, pods, { impersonatedUser: alice }),
    ];
    writeFileSync(log, events.map((each) => `${JSON.stringify(each)}\n`).join(''));
    const all = ['upstream', 'aks', 'eks', 'gke', 'k3s', 'kops', 'rke2', 'talos'];
    expect(await read([log])).toEqual({
      callers: [
        { username: controller.username, what: 'pods', count: 2, heals: all, accepted: 'loaded' },
        { username: 'alice', what: 'pods', count: 2, heals: [], accepted: 'no' },
        {
          username: 'aksService',
          what: 'tokens',
          count: 1,
          heals: ['aks'],
          accepted: { by: 'filters/presets/aks.yml' },
        },
        {
          username: 'system:kube-controller-manager',
          what: 'tokens',
          count: 1,
          heals: all,
          accepted: 'loaded',
        },
      ],
      problems: [],
    });
  });

  it('that cannot be read is said to', async () => {
    const log = join(directory, 'missing.log');
    expect(await read([log])).toEqual({ callers: [], problems: [`${log}: there is no such file`] });
  });
});

describe('the page', () => {
  it('has the verdict first, and a command on a line of its own', () => {
    const command =
      'kubectl -n sigma-admission describe deployment,pods -l app.kubernetes.io/name=sigma-admission';
    const findings: readonly CheckFinding[] = [
      { check: 'version', verdict: 'ok', found: 'Kubernetes v1.37.2' },
      { check: 'replicas', verdict: 'warning', found: 'one of two', fix: 'see why', command },
      { check: 'rights', verdict: 'unknown', found: 'not seen', details: ['one', 'two'], fix: 'ask' },
      { check: 'mode', verdict: 'warning', found: 'it fails open', fix: 'mend it' },
    ];
    expect(findingsText(findings)).toBe(`\
ok       version   Kubernetes v1.37.2
warning  replicas  one of two
                   fix: see why:
                        ${command}
unknown  rights    not seen
                   - one
                   - two
                   fix: ask
warning  mode      it fails open
                   fix: mend it

4 checks: 2 warnings, 1 unknown, 1 ok
`);
  });
});
