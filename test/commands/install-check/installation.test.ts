import { describe, expect, it } from '@jest/globals';
import type { Distribution } from '../../../src/registration/identities.ts';
import { load, rule } from '../../policy/rulesets.ts';
import { inNamespaces } from '../../../src/registration/webhook-configuration.ts';
import { ApiError, type ApiServer } from '../../../src/cluster/api-server.ts';
import { viewCluster, type ClusterView } from '../../../src/commands/install-check/cluster-view.ts';
import { checkConfiguration, checkOwner } from '../../../src/commands/install-check/configuration.ts';
import { checkEntries } from '../../../src/commands/install-check/entries.ts';
import type { CheckFinding } from '../../../src/commands/install-check/finding.ts';
import { checkIfDown } from '../../../src/commands/install-check/if-down.ts';
import { checkBreakGlass, checkMode, checkReplicas } from '../../../src/commands/install-check/replicas.ts';
import { checkVersion } from '../../../src/commands/install-check/version.ts';
import { configuration, deployment, entries, MISSING, NOT_ALLOWED, present, settings, view } from './view.ts';

/** The first word and what was found: `failed: it has expired`. */
function said(findings: CheckFinding | readonly CheckFinding[]): readonly string[] {
  return [findings].flat().map(({ verdict, found }) => `${verdict}: ${found}`);
}

describe('the version', () => {
  it.each([
    ['1', '30', 'v1.30.0', 'ok: Kubernetes v1.30.0'],
    ['1', '31+', 'v1.31.4-gke.1372000', 'ok: Kubernetes v1.31.4-gke.1372000'],
    ['2', '0', 'v2.0.0', 'ok: Kubernetes v2.0.0'],
    [
      '1',
      '29',
      'v1.29.9',
      'failed: Kubernetes v1.29.9: older than 1.30, without the match conditions that exempt the identities that heal a cluster',
    ],
  ])('%s.%s', (major, minor, gitVersion, expected) => {
    expect(said(checkVersion({ major, minor, gitVersion }))).toEqual([expected]);
  });
});

/** The API server of a healthy installation whose Deployment has this pod, and these ConfigMaps by name. */
function apiServer(spec: object, configMaps: Readonly<Record<string, object>> = {}): ApiServer {
  const installed: Readonly<Record<string, unknown>> = {
    '/apis/apps/v1/namespaces/sigma-admission/deployments/sigma-admission': {
      ...deployment(),
      spec: { replicas: 2, template: { spec } },
    },
    '/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/sigma-admission': configuration(),
  };
  return {
    get(path) {
      const [, name = ''] = /\/configmaps\/(.*)$/.exec(path) ?? [];
      const found = configMaps[name] ?? installed[path];
      return found === undefined ? Promise.reject(new ApiError(404, 'not found')) : Promise.resolve(found);
    },
    create: () => Promise.reject(new Error('not asked')),
    replace: () => Promise.reject(new Error('not asked')),
    apply: () => Promise.reject(new Error('not asked')),
    watch: () => Promise.reject(new Error('not asked')),
  };
}

async function mode(...api: Parameters<typeof apiServer>): Promise<readonly string[]> {
  const names = { namespace: 'sigma-admission', configuration: 'sigma-admission' };
  const version = { major: '1', minor: '37', gitVersion: 'v1.37.2' };
  return said(checkMode(await viewCluster(apiServer(...api), names, version)));
}

describe('the settings of replicas', () => {
  const CONFIG = '--config=/etc/sigma-admission/config/config.yaml';
  const container = (changes: object = {}) => ({
    name: 'sigma-admission',
    args: ['serve', CONFIG],
    volumeMounts: [{ name: 'config', mountPath: '/etc/sigma-admission/config' }],
    ...changes,
  });
  const volumes = [{ name: 'config', configMap: { name: 'config-abc' } }];
  const file = (text: string) => ({ 'config-abc': { data: { 'config.yaml': text } } });
  const ENFORCING =
    'warning: matches are refused, but while no replica answers everything is allowed: guard is Ignore';
  const WARNING = 'ok: no match is refused, and guard is Ignore';

  it.each<[string, readonly object[], string, string]>([
    ['from the file', [container()], 'mode: enforce', ENFORCING],
    [
      'from the environment, over the file',
      [container({ env: [{ name: 'SIGMA_ADMISSION_MODE', value: 'enforce' }] })],
      'mode: warn',
      ENFORCING,
    ],
    [
      'from an argument, over the environment',
      [
        container({
          args: ['serve', CONFIG, '--mode', 'warn'],
          env: [{ name: 'SIGMA_ADMISSION_MODE', value: 'enforce' }],
        }),
      ],
      'mode: enforce',
      WARNING,
    ],
    ['from no sidecar', [{ name: 'a', args: ['serve', '--mode=enforce'] }, container()], '', WARNING],
    ['for one level', [container()], 'levels: {critical: enforce}', ENFORCING],
    [
      'from elsewhere',
      [container({ env: [{ name: 'SIGMA_ADMISSION_MODE', valueFrom: { configMapKeyRef: {} } }] })],
      'mode: enforce',
      'unknown: the mode in force: its environment takes SIGMA_ADMISSION_MODE from elsewhere',
    ],
    [
      'that are refused',
      [container()],
      'mode: block',
      'unknown: the mode in force: the replicas do not start with their settings: ' +
        '/etc/sigma-admission/config/config.yaml: mode: expected one of audit, warn, enforce, got "block"',
    ],
  ])('are taken %s', async (_, containers, text, expected) => {
    expect(await mode({ containers, volumes }, file(text))).toEqual([expected]);
  });

  it('are unknown where their file is in no ConfigMap that is there', async () => {
    const unread =
      'unknown: the mode in force: its settings file /etc/sigma-admission/config/config.yaml cannot be read from here';
    expect(await mode({ containers: [container()], volumes })).toEqual([unread]);
    expect(await mode({ containers: [container()], volumes: [] }, file('mode: warn'))).toEqual([unread]);
  });
});

describe('the configuration', () => {
  const theirs = { name: 'theirs.example.org', clientConfig: { url: 'https://example.org' } };
  it.each<[string, Partial<ClusterView>, string]>([
    ['whole', {}, 'ok: sigma-admission has our 4 entries: guard, observe, probe, self'],
    [
      'missing',
      { configuration: MISSING },
      'failed: no ValidatingWebhookConfiguration sigma-admission: nothing is sent to us',
    ],
    [
      'not to be seen',
      { configuration: NOT_ALLOWED },
      'unknown: ValidatingWebhookConfiguration sigma-admission: not allowed to look',
    ],
    [
      'empty',
      { configuration: present(configuration([])) },
      'failed: sigma-admission has no entries yet: nothing is sent to us',
    ],
    [
      'without guard',
      { configuration: present(configuration(entries().slice(1))) },
      'failed: sigma-admission lacks our entry guard',
    ],
    [
      'without the last two',
      { configuration: present(configuration(entries().slice(0, 2))) },
      'warning: sigma-admission lacks our entries probe, self',
    ],
    [
      'beside an entry of another webhook',
      { configuration: present(configuration([theirs, ...entries()])) },
      'ok: sigma-admission has our 4 entries: guard, observe, probe, self',
    ],
  ])('%s', (_, changes, expected) => {
    expect(said(checkConfiguration(view(changes)))).toEqual([expected]);
  });

  it('that is empty is for its replicas to fill, where they may', () => {
    const empty = { configuration: present(configuration([])) };
    const fixes = (['ca', 'all'] as const).map((manage) => {
      const finding = checkConfiguration(view({ ...empty, settings: present(settings({ manage })) }));
      return 'fix' in finding && finding.fix;
    });
    expect(fixes).toEqual([
      'let the replicas put them in (--manage all), or apply manifests that have them',
      'its replicas (--manage all) put them in once they run: see `replicas` and `rights`',
    ]);
  });
});

describe('the owner', () => {
  const without = present(configuration(undefined, { ownerReferences: [] }));
  const unowned =
    'the configuration is not owned by our namespace: deleting the namespace would leave it behind';
  it.each<[string, Partial<ClusterView>, readonly string[]]>([
    ['our namespace', {}, ['ok: the configuration goes with namespace sigma-admission']],
    ['none', { configuration: without }, [`warning: ${unowned}`]],
    [
      'none, as configured',
      { configuration: without, settings: present(settings({ noOwnerReference: true })) },
      [`ok: ${unowned}, as the replicas are configured`],
    ],
    [
      'a namespace of that name before',
      { namespace: present({ metadata: { name: 'sigma-admission', uid: 'uid-2' } }) },
      [
        'failed: the configuration is owned by a namespace sigma-admission that no longer exists: it will be garbage-collected',
      ],
    ],
    [
      'a namespace not to be seen',
      { namespace: NOT_ALLOWED },
      ['unknown: namespace sigma-admission: not allowed to look'],
    ],
    ['of nothing', { configuration: MISSING }, []],
  ])('%s', (_, changes, expected) => {
    expect(said(checkOwner(view(changes)))).toEqual(expected);
  });
});

describe('the entries', () => {
  function found(webhooks: ReturnType<typeof entries>, changes: Partial<ClusterView> = {}) {
    return checkEntries(view({ configuration: present(configuration(webhooks)), ...changes }));
  }
  const inCluster = (distribution: Distribution) => ({ settings: present(settings({ distribution })) });
  const EXEC = rule(0, { verb: 'create', 'objectRef.resource': 'pods', 'objectRef.subresource': 'exec' });

  it.each(['upstream', 'gke', 'k3s'] as const)('are for %s', (distribution) => {
    expect(said(found(entries({}, { distribution }), inCluster(distribution)))).toEqual([
      `ok: as the replicas want them: for ${distribution}, and 0 rules`,
    ]);
  });

  it('follow the rules that the replicas load', () => {
    const ruleset = present(load([EXEC]));
    const lacking = view({ ruleset });
    expect(said(checkEntries(lacking))).toEqual(['ok: as the replicas want them: for upstream, and 1 rules']);
    expect(said([checkConfiguration(lacking)])).toEqual([
      'warning: sigma-admission lacks our entries other, other-observe',
    ]);
    const { wanted } = lacking;
    const webhooks = wanted.kind === 'found' ? wanted.value.webhooks : [];
    expect(said(found(webhooks, { ruleset }))).toEqual([
      'ok: as the replicas want them: for upstream, and 1 rules',
    ]);
    expect(found(webhooks)[0]?.details).toEqual([
      'other: not an entry that the replicas want',
      'other-observe: not an entry that the replicas want',
    ]);
  });

  it('may guard more namespaces, and fail closed', () => {
    const moreNamespaces = { namespaceSelector: inNamespaces(['kube-system', 'kube-public']) };
    expect(
      said(found(entries({ guard: moreNamespaces, observe: moreNamespaces }, { enforcing: true }))),
    ).toEqual(['ok: as the replicas want them: for upstream, and 0 rules']);
  });

  it('differ in what is listed', () => {
    const [guard] = entries({}, { distribution: 'gke' });
    const [, ...others] = entries({
      observe: { timeoutSeconds: 10, objectSelector: { matchLabels: { a: 'b' } } },
      self: { rules: [] },
    });
    expect(found([...(guard === undefined ? [] : [guard]), ...others])).toEqual([
      {
        check: 'entries',
        verdict: 'warning',
        found: 'our entries are not as the replicas want them',
        details: [
          'guard: matchConditions differ',
          'observe: objectSelector differs',
          'observe: timeoutSeconds is 10, wanted 1',
          'self: rules differ',
          'they are for gke, the replicas are told that the cluster is upstream',
        ],
        fix: 'the replicas put them right within seconds: their log says why they did not',
      },
    ]);
  });

  it('are for who applied them to put right, where the replicas do not', () => {
    const narrowed = entries({ guard: { matchConditions: [{ name: 'mine', expression: 'false' }] } });
    const [finding] = found(narrowed, { settings: present(settings({ manage: 'ca' })) });
    expect(finding).toMatchObject({
      details: ['guard: matchConditions differ'],
      fix: 'print them with `sigma-admission manifests`, for the settings and rules of the replicas, and apply them',
    });
  });

  it('are not compared where the rules of the replicas cannot be read', () => {
    expect(said(found(entries(), { ruleset: NOT_ALLOWED }))).toEqual([
      'unknown: the entries that the replicas want: not allowed to look',
    ]);
  });

  it('lock a cluster out', () => {
    expect(found(entries({ observe: { failurePolicy: 'Fail' } }))).toEqual([
      {
        check: 'entries',
        verdict: 'failed',
        found:
          'observe: failurePolicy Fail, so while no replica answers, requests that bring a cluster back are refused',
        fix: 'set them to Ignore',
        command: `kubectl patch validatingwebhookconfiguration sigma-admission --type json -p '[{"op":"replace","path":"/webhooks/1/failurePolicy","value":"Ignore"}]'`,
      },
    ]);
  });
});

describe('if no replica answered', () => {
  it('guard alone would refuse, where it fails closed', () => {
    const [finding] = checkIfDown(
      view({ configuration: present(configuration(entries({}, { enforcing: true }))) }),
    );
    expect(finding?.found).toBe('what guard is asked about would be refused, all else allowed');
    expect(finding?.details?.[0]).toBe(
      'guard: refused after 3 s: CREATE pods in kube-system, except by identities that heal a cluster',
    );
  });

  it('nothing is asked where nothing is registered', () => {
    expect(checkIfDown(view({ configuration: MISSING }))).toEqual([]);
  });
});

describe('the replicas', () => {
  it.each<[string, ClusterView['deployment'], string]>([
    ['two', present(deployment()), 'ok: 2 of 2 replicas are available'],
    [
      'one',
      present(deployment({ replicas: 1 })),
      'warning: 1 of 1 replicas are available: while that one restarts, no review is answered',
    ],
    ['not all', present(deployment({ replicas: 3, available: 2 })), 'warning: 2 of 3 replicas are available'],
    [
      'none of them',
      present(deployment({ available: 0 })),
      'failed: 0 of 2 replicas are available: no review is answered',
    ],
    [
      'none wanted',
      present(deployment({ replicas: 0 })),
      'failed: 0 of 0 replicas are available: no review is answered',
    ],
    [
      'no Deployment',
      MISSING,
      'failed: no Deployment sigma-admission/sigma-admission: no review is answered',
    ],
    [
      'not to be seen',
      NOT_ALLOWED,
      'unknown: Deployment sigma-admission/sigma-admission: not allowed to look',
    ],
  ])('%s', (_, found, expected) => {
    expect(said(checkReplicas(view({ deployment: found })))).toEqual([expected]);
  });

  it('break the glass for a reason', () => {
    const annotations = { 'sigma-admission/break-glass': 'CNI is down' };
    expect(said(checkBreakGlass(view({ deployment: present(deployment({ annotations })) })))).toEqual([
      'warning: broken, so that every entry is Ignore: "CNI is down"',
    ]);
  });
});

describe('the mode in force', () => {
  const closed = present(configuration(entries({}, { enforcing: true })));
  const enforcing = present(settings({ mode: 'enforce' }));
  const broken = present(deployment({ annotations: { 'sigma-admission/break-glass': '' } }));
  it.each<[string, Partial<ClusterView>, readonly string[]]>([
    ['warn', {}, ['ok: no match is refused, and guard is Ignore']],
    [
      'enforce',
      { settings: enforcing, configuration: closed },
      ['ok: matches are refused, and guard is Fail'],
    ],
    [
      'enforce, which fails open',
      { settings: enforcing },
      ['warning: matches are refused, but while no replica answers everything is allowed: guard is Ignore'],
    ],
    [
      'enforce, with the glass broken',
      { settings: enforcing, deployment: broken },
      ['ok: matches are refused; guard is Ignore while the glass is broken'],
    ],
    [
      'warn, which fails closed',
      { configuration: closed },
      ['warning: no match is refused, but while no replica answers pods in kube-system are: guard is Fail'],
    ],
    ['not to be seen', { settings: NOT_ALLOWED }, ['unknown: the mode in force: not allowed to look']],
    ['of no replica', { settings: MISSING }, []],
  ])('%s', (_, changes, expected) => {
    expect(said(checkMode(view(changes)))).toEqual(expected);
  });
});
