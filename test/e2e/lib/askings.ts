import fc from 'fast-check';
import { load, loadAll } from 'js-yaml';
import { mutatedJson } from '../../../fuzz/mutations.ts';
import { corpusFiles, corpusLines, corpusText } from '../../corpus.ts';
import type { Json } from '../../control-plane/api-client.ts';
import type { Asking, Impersonated } from './asking.ts';

/** Where each kind is, but for its namespace. */
const PLACES: Readonly<Record<string, readonly [api: string, resource: string, scope?: 'Cluster']>> = {
  Pod: ['/api/v1', 'pods'],
  ConfigMap: ['/api/v1', 'configmaps'],
  Secret: ['/api/v1', 'secrets'],
  Service: ['/api/v1', 'services'],
  ServiceAccount: ['/api/v1', 'serviceaccounts'],
  ReplicationController: ['/api/v1', 'replicationcontrollers'],
  Namespace: ['/api/v1', 'namespaces', 'Cluster'],
  Deployment: ['/apis/apps/v1', 'deployments'],
  DaemonSet: ['/apis/apps/v1', 'daemonsets'],
  StatefulSet: ['/apis/apps/v1', 'statefulsets'],
  ReplicaSet: ['/apis/apps/v1', 'replicasets'],
  Job: ['/apis/batch/v1', 'jobs'],
  CronJob: ['/apis/batch/v1', 'cronjobs'],
  Ingress: ['/apis/networking.k8s.io/v1', 'ingresses'],
  NetworkPolicy: ['/apis/networking.k8s.io/v1', 'networkpolicies'],
  Role: ['/apis/rbac.authorization.k8s.io/v1', 'roles'],
  RoleBinding: ['/apis/rbac.authorization.k8s.io/v1', 'rolebindings'],
  ClusterRole: ['/apis/rbac.authorization.k8s.io/v1', 'clusterroles', 'Cluster'],
  ClusterRoleBinding: ['/apis/rbac.authorization.k8s.io/v1', 'clusterrolebindings', 'Cluster'],
  Widget: ['/apis/example.com/v1', 'widgets'],
};

/** Where everything is asked that names no namespace. */
export const APPS = 'apps';
export const NAMESPACES = [APPS, 'default', 'kube-system'];

/** What a custom resource may hold is anything at all. */
export const WIDGETS: Json = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: 'widgets.example.com' },
  spec: {
    group: 'example.com',
    names: { kind: 'Widget', plural: 'widgets' },
    scope: 'Namespaced',
    versions: [
      {
        name: 'v1',
        served: true,
        storage: true,
        schema: { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } },
      },
    ],
  },
};

/** Where objects of a kind are made. */
export function collectionOf(kind: string, namespace: string): string | undefined {
  const [api, resource, scope] = PLACES[kind] ?? [];
  if (api === undefined) return undefined;
  return scope === 'Cluster' ? `${api}/${resource}` : `${api}/namespaces/${namespace}/${resource}`;
}

const SECURE = { allowPrivilegeEscalation: false, runAsUser: 1000, capabilities: { drop: ['ALL'] } };
const container = (more: Json = {}): Json => ({ name: 'c', image: 'registry.example/app:1', ...more });
const template = (spec: Json = {}) => ({
  metadata: { labels: { app: 'web' } },
  spec: { containers: [container()], ...spec },
});
const selector = { matchLabels: { app: 'web' } };
const ROLE = { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'view' };

/** A pod that has a bit of everything. */
const RICH: Json = {
  kind: 'Pod',
  metadata: {
    name: 'rich',
    labels: { app: 'web', 'app.kubernetes.io/name': 'web', 'example.com/Tier': 'Front-End' },
    annotations: {
      'example.com/a.b': 'Yes',
      note: 'first line\nSECOND line',
      unicode: 'Straße ſK İstanbul ΑΣΑς 😀',
      empty: '',
      number: '42',
    },
    ownerReferences: [
      { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'web-1', uid: 'u-1', controller: true },
    ],
    finalizers: ['example.com/keep'],
  },
  spec: {
    hostNetwork: true,
    hostPID: false,
    terminationGracePeriodSeconds: 30,
    nodeSelector: { 'kubernetes.io/os': 'linux' },
    securityContext: {
      runAsNonRoot: true,
      fsGroup: 2000,
      sysctls: [{ name: 'kernel.shm_rmid_forced', value: '1' }],
    },
    tolerations: [{ key: 'node', operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 300 }],
    initContainers: [
      container({
        name: 'init',
        command: ['sh', '-c', 'Set -e\nexit 0'],
        securityContext: { privileged: true },
      }),
    ],
    containers: [
      container({
        args: ['--listen=10.1.2.3', '-x', ''],
        command: ['/bin/App'],
        env: [
          { name: 'TOKEN', value: 'hunter2' },
          { name: 'FROM', valueFrom: { secretKeyRef: { name: 's', key: 'k' } } },
          { name: 'EMPTY' },
        ],
        ports: [{ containerPort: 8080, hostPort: 8080, name: 'http' }],
        livenessProbe: { httpGet: { path: '/Healthz', port: 'http' }, periodSeconds: 5 },
        readinessProbe: { tcpSocket: { port: 8080 } },
        resources: { limits: { cpu: '1500m', memory: '1Gi' }, requests: { cpu: 1 } },
        securityContext: { ...SECURE, capabilities: { add: ['SYS_ADMIN', 'cap_net_admin'] } },
        volumeMounts: [{ name: 'host', mountPath: '/host' }],
      }),
      container({ name: 'sidecar', image: 'Registry.example/Side@sha256:' + '0'.repeat(64) }),
    ],
    volumes: [
      { name: 'host', hostPath: { path: '/var/run/docker.sock' } },
      { name: 'scratch', emptyDir: { sizeLimit: '1Gi' } },
      {
        name: 'config',
        configMap: { name: 'web', items: [{ key: 'a', path: 'b', mode: 420 }], optional: true },
      },
    ],
  },
};

/** Our own objects: of each kind some. */
const OBJECTS: readonly Json[] = [
  { kind: 'Pod', metadata: { name: 'plain' }, spec: { containers: [container()] } },
  { kind: 'Pod', metadata: { generateName: 'made-' }, spec: { containers: [container()], volumes: [] } },
  RICH,
  {
    kind: 'Pod',
    metadata: { name: 'hostile' },
    spec: {
      hostPID: true,
      hostIPC: true,
      initContainers: [],
      containers: [container({ securityContext: { privileged: true } })],
      volumes: [{ name: 'root', hostPath: { path: '/' } }],
    },
  },
  {
    kind: 'ConfigMap',
    metadata: { name: 'web' },
    data: { 'a.b': 'One', text: 'x\ny' },
    binaryData: { raw: 'AAEC' },
  },
  { kind: 'Secret', metadata: { name: 'web' }, type: 'Opaque', stringData: { password: 'hunter2' } },
  {
    kind: 'Service',
    metadata: { name: 'web' },
    spec: {
      selector: { app: 'web' },
      ports: [
        { name: 'a', port: 80, targetPort: 'http' },
        { name: 'b', port: 81, targetPort: 8081 },
      ],
    },
  },
  { kind: 'ServiceAccount', metadata: { name: 'robot' }, automountServiceAccountToken: false },
  { kind: 'Deployment', metadata: { name: 'web' }, spec: { replicas: 2, selector, template: template() } },
  {
    kind: 'DaemonSet',
    metadata: { name: 'agent' },
    spec: {
      selector,
      template: template({
        hostNetwork: true,
        containers: [container({ securityContext: { privileged: true } })],
        volumes: [{ name: 'run', hostPath: { path: '/run' } }],
      }),
    },
  },
  {
    kind: 'CronJob',
    metadata: { name: 'nightly' },
    spec: {
      schedule: '0 0 * * *',
      jobTemplate: { spec: { template: template({ restartPolicy: 'Never', hostPID: true }) } },
    },
  },
  { kind: 'Job', metadata: { name: 'once' }, spec: { template: template({ restartPolicy: 'Never' }) } },
  {
    kind: 'Role',
    metadata: { name: 'reader' },
    rules: [
      { apiGroups: [''], resources: ['pods', 'pods/exec'], verbs: ['get', '*'] },
      { apiGroups: ['*'], resources: ['secrets'], verbs: ['list'], resourceNames: ['a'] },
    ],
  },
  {
    kind: 'ClusterRole',
    metadata: { name: 'all' },
    rules: [{ apiGroups: ['*'], resources: ['*'], verbs: ['*'] }],
  },
  {
    kind: 'ClusterRoleBinding',
    metadata: { name: 'backdoor' },
    roleRef: { ...ROLE, name: 'cluster-admin' },
    subjects: [{ kind: 'User', apiGroup: ROLE.apiGroup, name: 'mallory' }],
  },
  {
    kind: 'NetworkPolicy',
    metadata: { name: 'some' },
    spec: {
      podSelector: {},
      ingress: [{ from: [{ ipBlock: { cidr: '10.0.0.0/8', except: ['10.1.0.0/16'] } }] }],
    },
  },
  { kind: 'Namespace', metadata: { name: 'new' } },
  {
    kind: 'Widget',
    metadata: { name: 'odd' },
    spec: {
      text: 'Some Text',
      kelvin: '\u212Aey',
      long: '\u017Fecret',
      dotted: '\u0130d',
      lines: 'one\nTwo\r\nthree',
      number: 7,
      fraction: 1.5,
      huge: 1e21,
      digits: '07',
      flag: true,
      flagText: 'TRUE',
      nothing: null,
      none: [],
      empty: {},
      'a.b': 'dotted key',
      a: { b: 'nested', 'c.d': { e: 'deep' } },
      list: ['x', 7, true, null, { b: 'in a list' }, ['inner', ['innermost']]],
      maps: [{ k: 'v' }, { k: null }, {}, { k: ['l', 'm'] }, 'scalar', { k: { l: 1 } }],
      address: '10.1.2.3',
      address6: '2001:db8::1',
      mapped: '::ffff:10.1.2.3',
      backslash: 'C:\\Temp\\*',
      quotes: `it's "quoted"`,
    },
  },
  { kind: 'Widget', metadata: { name: 'scalar' }, spec: 'only text' },
  { kind: 'Widget', metadata: { name: 'list' }, spec: [{ text: 'Some Text' }, 'text', null] },
  { kind: 'Widget', metadata: { name: 'bare' } },
];

/** What stands in the cluster, to be changed and connected to. */
export const STANDING: readonly Json[] = [
  { ...RICH, metadata: { ...RICH['metadata'], name: 'standing', ownerReferences: [], finalizers: [] } },
  ...OBJECTS.filter(({ kind }) => ['Deployment', 'ConfigMap', 'Secret', 'ServiceAccount'].includes(kind)).map(
    (object) => ({ ...object, metadata: { name: 'standing' } }),
  ),
  { kind: 'Widget', metadata: { name: 'standing' }, spec: { text: 'Some Text', list: [1] } },
];

const ALICE: Impersonated = { user: 'alice', groups: ['dev', 'system:masters'] };
const ANONYMOUS: Impersonated = { user: 'system:anonymous' };
const CONTROLLER: Impersonated = {
  user: 'system:serviceaccount:kube-system:daemon-set-controller',
  groups: ['system:serviceaccounts', 'system:serviceaccounts:kube-system'],
  uid: 'u-7',
};
const POD_BOUND: Impersonated = {
  ...CONTROLLER,
  extra: { 'authentication.kubernetes.io/pod-name': 'thief' },
};
const CALLERS: readonly (Impersonated | undefined)[] = [undefined, ALICE, ANONYMOUS, CONTROLLER, POD_BOUND];

const by = (as: Impersonated | undefined) => (as === undefined ? {} : { as });

function creates(object: Json, namespace: string, as?: Impersonated): readonly Asking[] {
  const collection = collectionOf(object['kind'], namespace);
  if (collection === undefined) return [];
  return [{ method: 'POST', path: `${collection}?dryRun=All`, body: withApiVersion(object), ...by(as) }];
}

/** As server-side apply asks: the audit log calls it a patch. */
function applies(object: Json, namespace: string): readonly Asking[] {
  const { name } = object['metadata'];
  const collection = collectionOf(object['kind'], namespace);
  if (collection === undefined || name === undefined) return [];
  const contentType = 'application/apply-patch+yaml';
  const path = `${collection}/${name}?dryRun=All&force=true&fieldManager=test`;
  return [{ method: 'PATCH', path, contentType, body: withApiVersion(object) }];
}

/** The object as it is made, or made again. */
export function withApiVersion(object: Json): Json {
  const [api = ''] = PLACES[object['kind']] ?? [];
  return { ...object, apiVersion: api.replace(/^\/apis?\//, '') };
}

const POD = `/api/v1/namespaces/${APPS}/pods/standing`;
const dry = (path: string) => `${path}?dryRun=All`;
const merge = (path: string, body: unknown, as?: Impersonated): Asking => ({
  method: 'PATCH',
  path: dry(path),
  contentType: 'application/merge-patch+json',
  body,
  ...by(as),
});

/** Changes, deletions, connections and subresources. */
const OTHERS: readonly Asking[] = [
  ...CALLERS.flatMap((as): readonly Asking[] => [
    { method: 'GET', path: `${POD}/exec?command=id&command=-a&container=c&stdin=true`, ...by(as) },
    { method: 'POST', path: `${POD}/attach?container=sidecar&tty=true`, ...by(as) },
    { method: 'POST', path: `${POD}/portforward?ports=80`, ...by(as) },
    { method: 'GET', path: `${POD}/proxy/some/path`, ...by(as) },
    {
      method: 'DELETE',
      path: dry(POD),
      body: { gracePeriodSeconds: 0, propagationPolicy: 'Orphan' },
      ...by(as),
    },
    { method: 'DELETE', path: dry(`/api/v1/namespaces/${APPS}/pods`), ...by(as) },
    {
      method: 'POST',
      path: dry(`/api/v1/namespaces/kube-system/serviceaccounts/daemon-set-controller/token`),
      body: { spec: { audiences: ['api'], expirationSeconds: 3600 } },
      ...by(as),
    },
    merge(POD, { metadata: { labels: { 'example.com/Tier': 'Back' }, annotations: { note: null } } }, as),
  ]),
  {
    method: 'POST',
    path: dry(`/api/v1/namespaces/${APPS}/serviceaccounts/standing/token`),
    body: { spec: {} },
  },
  { method: 'DELETE', path: dry(`/apis/apps/v1/namespaces/${APPS}/deployments/standing`) },
  { method: 'DELETE', path: dry(`/apis/example.com/v1/namespaces/${APPS}/widgets/standing`) },
  merge(`${POD}/ephemeralcontainers`, { spec: { ephemeralContainers: [container({ name: 'debug' })] } }),
  merge(`${POD}/ephemeralcontainers`, {
    spec: {
      ephemeralContainers: [
        container({
          name: 'debug',
          securityContext: { privileged: true, capabilities: { add: ['SYS_PTRACE'] } },
        }),
      ],
    },
  }),
  merge(`${POD}/resize`, {
    spec: {
      containers: [
        {
          ...RICH['spec'].containers[0],
          resources: { limits: { cpu: '2', memory: '1Gi' }, requests: { cpu: 1 } },
        },
        RICH['spec'].containers[1],
      ],
    },
  }),
  {
    method: 'POST',
    path: dry(`${POD}/eviction`),
    body: { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name: 'standing' } },
  },
  {
    method: 'POST',
    path: dry(`${POD}/binding`),
    body: {
      apiVersion: 'v1',
      kind: 'Binding',
      metadata: { name: 'standing' },
      target: { kind: 'Node', name: 'node1' },
    },
  },
  merge(`/apis/apps/v1/namespaces/${APPS}/deployments/standing`, {
    spec: { template: { spec: { hostNetwork: true } } },
  }),
  merge(`/apis/apps/v1/namespaces/${APPS}/deployments/standing/scale`, { spec: { replicas: 7 } }),
  merge(`/api/v1/namespaces/${APPS}/configmaps/standing`, { data: { 'a.b': 'Two' } }),
  merge(`/api/v1/namespaces/${APPS}/secrets/standing`, { stringData: { password: 'other' } }),
  merge(`/apis/example.com/v1/namespaces/${APPS}/widgets/standing`, {
    spec: { text: 'some text', list: null },
  }),
  merge(`/apis/example.com/v1/namespaces/${APPS}/widgets/standing`, { spec: null }),
];

/** Requests of our own, of every kind. */
export const OWN: readonly Asking[] = [
  ...OBJECTS.flatMap((object, at) => [
    ...creates(object, APPS, CALLERS[at % CALLERS.length]),
    ...creates(object, 'kube-system'),
    ...creates(object, 'default'),
    ...applies(object, APPS),
  ]),
  ...OTHERS,
];

/** Texts that another reader of the same rule might fold, cut, split or convert in another way. */
const TRICKS: readonly string[] = [
  '',
  ' ',
  '\n',
  'a\nb',
  '\u017F',
  '\u212A',
  '\u0130',
  'ß',
  'ẞ',
  'ς',
  '😀',
  '\ud800',
  '\u0000',
  '\u0085',
  '\u2028',
  '*',
  '?',
  '\\',
  "'",
  '"',
  '7',
  '07',
  '7.0',
  '1e3',
  'true',
  'TRUE',
  'null',
  '10.1.2.3',
  '10.1.2.3/8',
  '::1',
];

type Change = (text: string) => string;
const CHANGES: readonly Change[] = [
  (text) => text.toUpperCase(),
  (text) => text.toLowerCase(),
  (text) => text.replaceAll('s', '\u017F').replaceAll('k', '\u212A'),
  (text) => `${text}\n`,
  (text) => `x\n${text}`,
  (text) => text.slice(1),
  (text) => text.slice(0, -1),
  (text) => `${text}${text}`,
  (text) => text.repeat(2000),
];

/** Some `count` of our objects with their texts changed, and of custom resources with anything changed. */
export function mutated(count: number): readonly Asking[] {
  const texts = fc
    .tuple(
      fc.constantFrom(...OBJECTS),
      fc.array(fc.tuple(fc.nat(), fc.nat()), { minLength: 1, maxLength: 4 }),
      fc.nat(),
    )
    .map(([object, edits, caller]) =>
      creates(edits.reduce(withText, structuredClone(object)), APPS, CALLERS[caller % CALLERS.length]),
    );
  const widgets = OBJECTS.filter(({ kind }) => kind === 'Widget');
  const anything = mutatedJson(widgets.map(({ spec }) => JSON.stringify({ spec: spec ?? null }))).map(
    (spec) => creates({ kind: 'Widget', metadata: { generateName: 'any-' }, ...(spec as Json) }, APPS),
  );
  return fc.sample(fc.oneof(texts, anything), { seed: 17, numRuns: count }).flat();
}

/** The object with one of its texts another. */
function withText(object: Json, [at, how]: readonly [number, number]): Json {
  const slots = textsOf(object);
  const slot = slots[at % slots.length];
  if (slot === undefined) return object;
  const [parent, key] = slot;
  const change = CHANGES[how % CHANGES.length];
  const trick = TRICKS[(how >> 4) % TRICKS.length] ?? '';
  parent[key] = how % 2 === 0 ? trick : (change?.(parent[key]) ?? trick);
  return object;
}

function textsOf(node: unknown): readonly (readonly [Json, string])[] {
  if (typeof node !== 'object' || node === null) return [];
  return Object.entries(node).flatMap(([key, value]) => {
    if (key === 'kind' || key === 'generateName') return [];
    return typeof value === 'string' ? [[node as Json, key] as const] : textsOf(value);
  });
}

/** The fields of metadata that are the API server's to set. */
const SERVERS = ['resourceVersion', 'uid', 'creationTimestamp', 'managedFields'];

/** The objects of the corpus, each made in its namespace and in one of applications. */
export function ofCorpus(): readonly Asking[] {
  return objectsOfCorpus().flatMap((object) => {
    const { namespace, ...all } = (object['metadata'] ?? {}) as Json;
    const metadata = Object.fromEntries(Object.entries(all).filter(([key]) => !SERVERS.includes(key)));
    const made = { ...object, metadata };
    return [...creates(made, APPS), ...(namespace === 'kube-system' ? creates(made, namespace) : [])];
  });
}

function objectsOfCorpus(): readonly Json[] {
  const reviews = [
    ...corpusFiles('admission', '.json').flatMap((file) => tryParse(corpusText(file))),
    ...corpusLines('admission/kube-audit-rest/kube-audit-rest.log'),
    ...(corpusLines('pairs/requests.ndjson') as Json[]).flatMap((pair) => pair['admissionReviews'] as Json[]),
  ] as Json[];
  const lists = corpusFiles('pods', '.yaml').flatMap((file) => loadAll(corpusText(file))) as Json[];
  const objects = [
    ...reviews.map((review) => (review['request'] ?? review)['object'] as Json),
    ...lists.flatMap((each) => (each['items'] ?? [each]) as Json[]),
  ];
  return objects.filter(
    (object) => typeof object === 'object' && object !== null && PLACES[object['kind']] !== undefined,
  );
}

function tryParse(text: string): readonly unknown[] {
  try {
    const value: unknown = load(text, {});
    return typeof value === 'object' && value !== null ? [value] : [];
  } catch {
    return [];
  }
}

const widget = (more: Json): readonly Asking[] =>
  creates({ kind: 'Widget', metadata: { generateName: 'odd-' }, ...more }, APPS);

/** A custom resource as it is written, where JavaScript would write it in another way. */
const written = (spec: string): readonly Asking[] =>
  widget({ spec: 'SPEC' }).map((asking) => ({
    ...asking,
    body: JSON.stringify(asking.body).replace('"SPEC"', () => spec),
  }));

const NUMBERS = [
  '1e3',
  '1E3',
  '1000.0',
  '1'.repeat(400),
  '-0',
  '07',
  '7.0',
  '+7',
  ' 7',
  '7e0',
  '1e400',
  'ab',
];
const SHAPES = [
  ...[null, [], {}, [null], [[]], [{}], 'x', 7, true, [[['v']]], { k: [] }],
  ...[[{ k: [] }], [[{ k: 'v' }]], [{ k: [[null]] }]],
];
const TEXTS = [
  ...[
    'TRUE',
    'False',
    'tRuE',
    'true ',
    '\u017Fome text',
    'SOME TEXT',
    'some text\n',
    '\nsome text',
    'Some\nText',
    '😀',
  ],
  ...['a\u0000\u0085\u2028\u202e', 'KEY', 'key', '\u017Fecret'],
];

/** Custom resources with values that are easily taken for others. */
export const ODD: readonly Asking[] = [
  ...NUMBERS.flatMap((digits) => widget({ spec: { digits } })),
  ...[0, 7, 1e3, 2 ** 53, 1e300, 0.1].flatMap((number) => widget({ spec: { number, digits: number } })),
  ...written('{"digits":-0,"number":-0.0,"huge":1e22,"fraction":1.50}'),
  ...written('{"digits":18446744073709551615,"number":-9223372036854775808}'),
  ...SHAPES.flatMap((any) => [
    ...widget({ spec: any }),
    ...widget({
      spec: { maps: any, none: any, text: any, list: any, nothing: any, a: any, flag: any, number: any },
    }),
  ]),
  ...TEXTS.flatMap((text) => widget({ spec: { text, flag: text, kelvin: text, long: text, lines: text } })),
  ...widget({ spec: { 'a.c': { 'd.e': 'deep' } } }),
  ...widget({ spec: { 'a.c.d.e': 'deep' } }),
  ...widget({ spec: { a: [{ c: [{ d: [{ e: ['deep'] }] }] }] } }),
  ...widget({ spec: { a: { b: ['dotted key'] } } }),
  ...widget({ 'spec.text': 'some text', 'spec.a': { b: 'dotted key' } }),
];

const BYTES = 1_300_000;
/** Half of what an API server takes. */
const DEPTH = 1_500;
const many = <T>(count: number, make: (at: number) => T): readonly T[] =>
  Array.from({ length: count }, (_, at) => make(at));
const fill = (length: number) => 'ab\u212A\n'.repeat(Math.ceil(length / 4)).slice(0, length);

/** So many containers with so many texts each, so that all are as long as a request may be. */
const GRIDS: readonly (readonly [containers: number, texts: number])[] = [
  [1, 1],
  [1, 300],
  [1, 100_000],
  [16, 16],
  [64, 250],
  [255, 255],
  [250, 16],
  [1000, 1],
];

const HOSTILE = { privileged: true, capabilities: { add: ['SYS_ADMIN'] } };

/** Objects that are made to exhaust whoever looks for something in them; it is at the very end. */
export function exhausting(): readonly Asking[] {
  const inApps = (object: Json) => creates(object, APPS);
  const metadata = { generateName: 'long-' };
  const podOf = (spec: Json, more: Json = {}) =>
    inApps({ kind: 'Pod', metadata: { ...metadata, ...more }, spec: { containers: [container()], ...spec } });
  const widgetOf = (spec: unknown) => inApps({ kind: 'Widget', metadata, spec });
  const grids = GRIDS.flatMap(([containers, texts]) => {
    const length = Math.floor(BYTES / (containers * (texts * 1.7 + 40)));
    const text = fill(Math.max(1, length));
    const list = (more: (at: number) => Json) =>
      many(containers, (at) =>
        container({
          name: `c-${at}`,
          ...more(at),
          ...(at === containers - 1 ? { securityContext: HOSTILE } : {}),
        }),
      );
    const args = list(() => ({ args: many(texts, () => text) }));
    return [
      ...podOf({ containers: args }),
      ...podOf({ initContainers: args }),
      ...podOf({
        containers: list(() => ({
          env: many(Math.min(texts, 5_000), (at) => ({ name: `E${at}`, value: text })),
        })),
      }),
      ...podOf({
        containers: list(() => ({
          securityContext: { capabilities: { add: [...many(texts, () => text), 'SYS_ADMIN'] } },
        })),
      }),
      merge(`${POD}/ephemeralcontainers`, {
        spec: { ephemeralContainers: list(() => ({ args: many(texts, () => text) })) },
      }),
      ...widgetOf({
        list: many(containers, () => many(texts, () => text)),
        maps: many(containers, () => ({ k: many(texts, () => text) })),
      }),
      ...widgetOf({ maps: many(containers, () => ({ k: { l: many(texts, () => ({ m: text })) } })), text }),
    ];
  });
  const volume = (at: number, path: string) => ({ name: `v-${at}`, hostPath: { path } });
  const numbered = (count: number, value: unknown) =>
    Object.fromEntries(many(count, (at) => [`k${at}`, value]));
  const deep = (open: string, close: string): Asking => {
    const spec = `${open.repeat(DEPTH)}"x"${close.repeat(DEPTH)}`;
    const object = JSON.stringify(withApiVersion({ kind: 'Widget', metadata, spec: 'DEEP' }));
    const path = dry(collectionOf('Widget', APPS) ?? '');
    return { method: 'POST', path, body: object.replace('"DEEP"', () => spec) };
  };
  return [
    ...grids,
    ...podOf({ volumes: [...many(10_000, (at) => volume(at, '/data')), volume(10_000, '/')] }),
    ...podOf({ volumes: [...many(255, (at) => volume(at, `/${'d'.repeat(4000)}`)), volume(255, '/')] }),
    ...podOf({ tolerations: many(10_000, (at) => ({ key: `k${at}`, operator: 'Exists' })) }),
    ...podOf({}, { annotations: numbered(5_000, '') }),
    ...podOf({}, { labels: numbered(5_000, 'web') }),
    ...podOf({}, { finalizers: many(5_000, (at) => `example.com/f${at}`) }),
    ...podOf({ nodeSelector: numbered(5_000, 'linux'), hostPID: true }),
    ...inApps({ kind: 'ConfigMap', metadata, data: numbered(5_000, 'v') }),
    ...inApps({ kind: 'ConfigMap', metadata, data: { text: fill(600_000) } }),
    ...inApps({ kind: 'Secret', metadata, stringData: numbered(5_000, 'v') }),
    ...inApps({
      kind: 'Role',
      metadata,
      rules: many(250, () => ({
        apiGroups: [''],
        verbs: many(250, () => 'get'),
        resources: many(250, () => 'pods'),
      })),
    }),
    ...widgetOf(numbered(5_000, 'v')),
    ...widgetOf({ a: numbered(5_000, { b: 'nested' }) }),
    deep('{"a":{"b":', '}}'),
    deep('{"list":[[', ']]}'),
    ...widgetOf({ list: many(200_000, () => 1) }),
    ...widgetOf({ maps: many(100_000, () => ({})) }),
    ...widgetOf({ text: fill(BYTES), long: fill(1000) }),
    ...widgetOf({ digits: '7'.repeat(BYTES), address: '1.'.repeat(BYTES / 2) }),
    {
      method: 'POST',
      path: dry(`/api/v1/namespaces/kube-system/serviceaccounts/daemon-set-controller/token`),
      body: { spec: { audiences: many(20_000, (at) => `audience-${at}`) } },
    },
    ...creates(OBJECTS[3] ?? {}, APPS, { user: 'alice', groups: many(1000, (at) => `group-${at}`) }),
  ];
}
