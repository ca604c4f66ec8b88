import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { parseAll } from '../../src/policy/load-rules.ts';
import { createRuleset } from '../../src/policy/ruleset.ts';
import { FIELD_MEANINGS } from '../../src/provenance/field-meanings.ts';
import { EVENT } from '../../src/kubernetes/schema/audit-event.ts';
import { KUBERNETES } from '../../src/kubernetes/schema/kubernetes.ts';
import { follow } from '../../src/kubernetes/schema/schema.ts';
import { corpusFiles, corpusText, describeWithCorpus } from '../corpus.ts';
import { filter, load, problemsIn, rule } from './rulesets.ts';

const ROOT = join(import.meta.dirname, '../..');
const POD = { verb: 'create', 'objectRef.resource': 'pods' };

/** What is found in a rule, or in a rule and filters, without the file and the path. */
function found(...documents: readonly string[]): readonly string[] {
  return problemsIn(documents).map(({ code, path, message }) => `${code} ${path}: ${message}`);
}

/** The same of a selection, by its keys. */
function foundIn(selection: object): readonly string[] {
  return found(rule(1, selection)).map((problem) => problem.replace('detection.selection.', ''));
}

describe('a field that cannot exist', () => {
  it('is found, where it was decidable and nothing was wrong', () => {
    expect(
      problemsIn([rule(1, { ...POD, 'requestObject.spec.hostNetwrk': true, 'user.usrname': 'x' })]),
    ).toEqual([
      {
        code: 'unknown-field',
        severity: 'warning',
        file: '0.yml',
        line: 1,
        path: 'detection.selection.requestObject.spec.hostNetwrk',
        message: 'no such field of Pod (did you mean hostNetwork?); the rule can match nothing',
      },
      {
        code: 'unknown-field',
        severity: 'warning',
        file: '0.yml',
        line: 1,
        path: 'detection.selection.user.usrname',
        message: 'no such field of user (did you mean username?); the rule can match nothing',
      },
    ]);
  });

  it.each<[selection: object, problem: string]>([
    [
      { verb: 'create', 'requestObject.spec.hostNetwrk': true },
      'requestObject.spec.hostNetwrk: no such field of any kind in Kubernetes 1.37 (did you mean hostNetwork?)',
    ],
    [
      { ...POD, 'requestObject.spec.contaners.image': 'x' },
      'requestObject.spec.contaners.image: no such field of Pod (did you mean containers?)',
    ],
    [
      { ...POD, 'requestObject.spec.containers.Image|contains': 'x' },
      'requestObject.spec.containers.Image|contains: no such field of Pod (did you mean image?)',
    ],
    [{ ...POD, 'requestObject.spec.nodeName.x': 'x' }, 'requestObject.spec.nodeName.x: no such field of Pod'],
    [
      { ...POD, 'requestObject.metadata.label.app': 'x' },
      'requestObject.metadata.label.app: no such field of Pod (did you mean labels?)',
    ],
    [
      { ...POD, verb: 'delete', 'requestObject.spec.hostNetwork': true },
      'requestObject.spec.hostNetwork: no such field of DeleteOptions',
    ],
    [
      { ...POD, 'objectRef.subresource': 'exec', 'requestObject.comand': 'sh' },
      'requestObject.comand: no such field of PodExecOptions (did you mean command?)',
    ],
    [
      { ...POD, verb: 'get', 'objectRef.subresource': 'exec', 'requestObject.spec.hostNetwork': true },
      'requestObject.spec.hostNetwork: no such field of PodExecOptions',
    ],
    [
      {
        ...POD,
        'objectRef.resource': 'serviceaccounts',
        'objectRef.subresource': 'token',
        'requestObject.spec.audience': 'x',
      },
      'requestObject.spec.audience: no such field of TokenRequest (did you mean audiences?)',
    ],
    [
      { ...POD, 'objectRef.resource': ['pods', 'secrets'], 'requestObject.spc.hostNetwork': true },
      'requestObject.spc.hostNetwork: no such field of Pod or Secret (did you mean spec?)',
    ],
    [
      { ...POD, 'objectRef.resource': 'deployments', hostPath: '*' },
      'hostPath: requestObject.spec.volumes.hostPath.path is no field of Deployment',
    ],
    [
      { ...POD, 'responseObject.status.phse': 'x' },
      'responseObject.status.phse: no such field of Pod (did you mean phase?)',
    ],
    [{ ...POD, privilegd: true }, 'privilegd: no such field of an audit event (did you mean privileged?)'],
    [
      { ...POD, 'objectRef.nmespace': 'x' },
      'objectRef.nmespace: no such field of objectRef (did you mean namespace?)',
    ],
    [
      { ...POD, 'request.object.spec.hostNetwork': true },
      'request.object.spec.hostNetwork: no such field of an audit event (did you mean requestObject?)',
    ],
    [
      { ...POD, 'userInfo.username': 'x' },
      'userInfo.username: no such field of an audit event (did you mean user?)',
    ],
    [
      { ...POD, 'provenance.owner.verifed': false },
      'provenance.owner.verifed: no such field of provenance.owner (did you mean verified?)',
    ],
  ])('is found in %j', (selection, problem) => {
    expect(foundIn(selection)).toEqual([`unknown-field ${problem}; the rule can match nothing`]);
  });

  it.each<[what: string, selection: object]>([
    ['a label with dots', { ...POD, 'requestObject.metadata.labels.app.kubernetes.io/name': 'x' }],
    [
      'an annotation',
      { ...POD, 'requestObject.metadata.annotations.container.apparmor.security.beta.kubernetes.io/x': 'x' },
    ],
    [
      'a resource of a limit',
      { ...POD, 'requestObject.spec.containers.resources.limits.nvidia.com/gpu': '1' },
    ],
    ['a quantity', { ...POD, 'requestObject.spec.containers.resources.limits.memory': '1Gi' }],
    ['an annotation of the event', { ...POD, 'annotations.authorization.k8s.io/decision': 'allow' }],
    ['an extra of the user', { ...POD, 'user.extra.authentication.kubernetes.io/pod-name': '*' }],
    ['managed fields', { ...POD, 'requestObject.metadata.managedFields.fieldsV1.f:spec.f:x': '*' }],
    [
      'a port by number or name',
      { ...POD, 'requestObject.spec.containers.livenessProbe.httpGet.port': ['http', 80] },
    ],
    [
      'a field of one of several kinds',
      {
        ...POD,
        'objectRef.resource': ['pods', 'deployments'],
        'requestObject.spec.template.spec.hostNetwork': true,
      },
    ],
    ['a custom resource', { ...POD, 'objectRef.resource': 'widgets', 'requestObject.spec.size': 1 }],
    ['another group', { ...POD, 'objectRef.apiGroup': 'example.com', 'requestObject.spec.size': 1 }],
    ['the options of a deletion', { ...POD, verb: 'delete', 'requestObject.gracePeriodSeconds': 0 }],
    ['a JSON patch', { ...POD, verb: 'patch', 'requestObject.path|startswith': '/spec' }],
    [
      'a directive of a strategic merge patch',
      { ...POD, verb: 'patch', 'requestObject.spec.$setElementOrder/containers.name': 'x' },
    ],
    [
      'an ephemeral container',
      {
        ...POD,
        verb: 'patch',
        'objectRef.subresource': 'ephemeralcontainers',
        'requestObject.spec.ephemeralContainers.image': 'x',
      },
    ],
    ['a binding', { ...POD, 'objectRef.subresource': 'binding', 'requestObject.target.name': 'x' }],
    [
      'an eviction',
      { ...POD, 'objectRef.subresource': 'eviction', 'requestObject.deleteOptions.gracePeriodSeconds': 0 },
    ],
    [
      'a scale',
      {
        verb: 'update',
        'objectRef.resource': 'deployments',
        'objectRef.subresource': 'scale',
        'requestObject.spec.replicas': 0,
      },
    ],
    [
      'a token request',
      {
        verb: 'create',
        'objectRef.resource': 'serviceaccounts',
        'objectRef.subresource': 'token',
        'requestObject.spec.expirationSeconds|gt': 86400,
      },
    ],
    ['a field of some kind', { verb: 'create', 'requestObject.webhooks.clientConfig.url': '*' }],
    [
      'a list in an answer',
      { verb: 'list', 'objectRef.resource': 'secrets', 'responseObject.items.metadata.name': 'x' },
    ],
    ['a bare name', { ...POD, capabilities: 'SYS_ADMIN', privileged: true }],
    [
      'a schema in a definition',
      {
        verb: 'create',
        'objectRef.resource': 'customresourcedefinitions',
        'requestObject.spec.versions.schema.openAPIV3Schema.properties.spec.properties.x.y.type': 'string',
      },
    ],
    [
      'a path of many ways',
      {
        verb: 'create',
        'objectRef.resource': 'customresourcedefinitions',
        [`requestObject.spec.versions.schema.openAPIV3Schema${'.properties'.repeat(50)}|exists`]: true,
      },
    ],
  ])('is not %s', (_, selection) => {
    expect(foundIn(selection)).toEqual([]);
  });

  it('is found where another one refers to it', () => {
    expect(foundIn({ ...POD, 'user.username|fieldref': 'objectRef.nam' })).toEqual([
      'unknown-field user.username|fieldref: objectRef.nam is no field of objectRef (did you mean name?)',
    ]);
  });

  it('is told on one line, with what cannot be seen escaped', () => {
    expect(foundIn({ ...POD, 'user.\u202ename': 'x', 'user.uid|fieldref': 'user.\u202euid' })).toEqual([
      'unknown-field user.\\u{202e}name: no such field of user; the rule can match nothing',
      'unknown-field user.uid|fieldref: user.\\u{202e}uid is no field of user (did you mean uid?); the rule can match nothing',
    ]);
  });

  it('kills what is written beside it, or only itself', () => {
    const one = { 'requestObject.spec.hostNetwrk': true };
    const other = { 'requestObject.spec.hostPID': true };
    const detection = (condition: string) => rule(1, { pod: POD, one, other, condition });
    const problem =
      'unknown-field detection.one.requestObject.spec.hostNetwrk: no such field of Pod (did you mean hostNetwork?)';
    expect(found(detection('pod and (one or other)'))).toEqual([problem]);
    expect(found(detection('pod and one and other'))).toEqual([`${problem}; the rule can match nothing`]);
  });

  it('is found in a filter, of the kinds that its rules are about', () => {
    const pods = rule(1, POD);
    const accepts = { 'user.username|cased': 'x', 'requestObject.spec.serviceAcountName': 'x' };
    expect(found(pods, filter(2, accepts))).toEqual([
      'unknown-field filter.selection.requestObject.spec.serviceAcountName: no such field of Pod (did you mean serviceAccountName?); the filter accepts nothing',
    ]);
    const templates = { 'user.username|cased': 'x', 'requestObject.spec.template.spec.hostNetwork': true };
    const deployments = rule(3, { verb: 'create', 'objectRef.resource': 'deployments' });
    expect(found(pods, deployments, filter(2, templates))).toEqual([]);
    expect(found(pods, filter(2, templates))).toHaveLength(1);
  });
});

describe('a value that can be true of no event', () => {
  it.each<[selection: object, problem: string]>([
    [
      { ...POD, 'requestObject.spec.containers|contains': 'privileged' },
      'map-as-value requestObject.spec.containers|contains: is an object, which no value matches; expected the path of a field in it, or "exists"; the rule can match nothing',
    ],
    [
      { ...POD, 'requestObject.spec.volumes.hostPath': 'present' },
      'map-as-value requestObject.spec.volumes.hostPath: is an object, which no value matches; expected the path of a field in it, or "exists"; the rule can match nothing',
    ],
    [
      {
        verb: 'create',
        'objectRef.resource': 'clusterroles',
        'requestObject.rules|contains': '"verbs":["*"]',
      },
      'map-as-value requestObject.rules|contains: is an object, which no value matches; expected the path of a field in it, or "exists"; the rule can match nothing',
    ],
    [
      { verb: 'create', 'objectRef.resource': 'secrets', 'requestObject.data|contains': 'x' },
      'map-as-value requestObject.data|contains: is an object, which no value matches; expected the path of a field in it, or "exists"; the rule can match nothing',
    ],
    [
      { verb: 'create', 'objectRef.resource': 'serviceaccounts/token' },
      'impossible-value objectRef.resource: "serviceaccounts/token" has a slash, which no objectRef.resource has; expected "serviceaccounts", and "token" in objectRef.subresource; the rule can match nothing',
    ],
    [
      { verb: 'create', 'objectRef.apiGroup': 'apps/v1' },
      'impossible-value objectRef.apiGroup: "apps/v1" has a slash, which no objectRef.apiGroup has; the rule can match nothing',
    ],
    [
      { verb: ['escalate', 'bind'], 'objectRef.resource': 'clusterroles' },
      'impossible-value verb: no event has "escalate", "bind"; expected create, get, update, patch, delete, list, watch, deletecollection, …; the rule can match nothing',
    ],
    [
      { verb: ['create', 'updat'], 'objectRef.resource': 'clusterroles' },
      'impossible-value verb: no event has "updat" (did you mean update?)',
    ],
    [
      { ...POD, 'requestObject.spec.hostNetwork': 'yes' },
      'impossible-value requestObject.spec.hostNetwork: no event has "yes"; expected true or false; the rule can match nothing',
    ],
    [
      { ...POD, 'requestObject.spec.hostNetwork': 1 },
      'impossible-value requestObject.spec.hostNetwork: no event has 1; expected true or false; the rule can match nothing',
    ],
    [
      { ...POD, 'requestObject.spec.containers.imagePullPolicy': 'Allways' },
      'impossible-value requestObject.spec.containers.imagePullPolicy: no event has "Allways" (did you mean Always?); the rule can match nothing',
    ],
    [
      { ...POD, 'requestObject.spec.securityContext.runAsUser': 'root' },
      'impossible-value requestObject.spec.securityContext.runAsUser: no event has "root"; expected an integer; the rule can match nothing',
    ],
    [
      { ...POD, 'requestObject.spec.securityContext.runAsUser': '0.5' },
      'impossible-value requestObject.spec.securityContext.runAsUser: no event has "0.5"; expected an integer; the rule can match nothing',
    ],
    [
      { 'responseStatus.code': 'ALLOW' },
      'impossible-value responseStatus.code: no event has "ALLOW"; expected an integer; the rule can match nothing',
    ],
    [
      { ...POD, 'provenance.creator': 'users' },
      'impossible-value provenance.creator: no event has "users" (did you mean user?); the rule can match nothing',
    ],
  ])('is found in %j', (selection, problem) => {
    expect(foundIn(selection)).toEqual([problem]);
  });

  it.each<[selection: object]>([
    [{ ...POD, 'requestObject.spec.hostNetwork': 'TRUE' }],
    [{ ...POD, 'requestObject.spec.hostNetwork|re': '^t' }],
    [{ ...POD, 'requestObject.spec.containers.imagePullPolicy|contains': 'resent' }],
    [{ ...POD, 'requestObject.spec.containers.imagePullPolicy': null }],
    [{ ...POD, 'requestObject.spec.containers|exists': true }],
    [{ ...POD, 'requestObject.spec.securityContext.runAsUser': '0' }],
    [{ ...POD, 'requestObject.spec.securityContext.runAsUser|lt': 1000 }],
    [{ ...POD, 'requestObject.metadata.annotations.example.com/enabled': true }],
    [{ ...POD, 'requestObject.spec.automountServiceAccountToken|neq': false }],
  ])('is not in %j', (selection) => {
    expect(foundIn(selection)).toEqual([]);
  });

  it('makes a rule dead where no version of Kubernetes has it', () => {
    const classes = (selection: object) =>
      load([rule(1, selection)]).rules.map(({ classification }) => classification);
    expect(classes({ ...POD, 'user.usrname': 'x' })).toEqual([
      { class: 'dead', field: 'user.usrname', reason: 'no audit event has a field user.usrname' },
    ]);
    expect(classes({ verb: 'create', 'objectRef.resource': 'serviceaccounts/token' })).toEqual([
      { class: 'dead', field: 'objectRef.resource', reason: 'objectRef.resource never has such a value' },
    ]);
    // A newer cluster may have it: the rule stays in force.
    expect(classes({ ...POD, 'requestObject.spec.hostNetwrk': true })).toMatchObject([
      { class: 'decidable' },
    ]);
  });
});

describe('200 rules', () => {
  /** What a template asks, and how a slip of the hand spells one of its fields. */
  const TEMPLATES: readonly (readonly [selection: object, wrong: string])[] = [
    [
      { verb: 'create', 'objectRef.resource': 'pods', 'requestObject.spec.hostPID': true },
      'requestObject.spec.hostPDI',
    ],
    [
      {
        verb: 'create',
        'objectRef.resource': 'pods',
        'requestObject.spec.volumes.hostPath.path|startswith': '/etc',
      },
      'requestObject.spec.volume.hostPath.path|startswith',
    ],
    [
      {
        verb: 'create',
        'objectRef.resource': 'pods',
        'objectRef.subresource': 'exec',
        'requestObject.command|contains': 'sh',
      },
      'requestObject.commands|contains',
    ],
    [
      {
        verb: ['create', 'patch', 'update'],
        'objectRef.apiGroup': 'rbac.authorization.k8s.io',
        'objectRef.resource': ['clusterrolebindings', 'rolebindings'],
        'requestObject.roleRef.name': 'cluster-admin',
      },
      'requestObject.roleref.name',
    ],
    [
      {
        verb: ['create', 'update', 'patch'],
        'objectRef.resource': ['clusterroles', 'roles'],
        'requestObject.rules.verbs': '*',
      },
      'requestObject.rule.verbs',
    ],
    [
      {
        verb: 'create',
        apiGroup: 'batch',
        'objectRef.resource': 'cronjobs',
        'requestObject.spec.jobTemplate.spec.template.spec.containers.image|contains': 'x',
      },
      'requestObject.spec.jobTemplate.template.spec.containers.image|contains',
    ],
    [
      {
        verb: ['create', 'delete'],
        'objectRef.resource': 'secrets',
        'user.username|startswith': 'system:serviceaccount:',
      },
      'user.name|startswith',
    ],
    [{ verb: 'list', 'objectRef.resource': 'secrets', 'sourceIPs|cidr': '10.0.0.0/8' }, 'sourceIP|cidr'],
    [{ 'responseStatus.code': [401, 403], 'userAgent|contains': 'kubectl' }, 'useragent|contains'],
    [
      { verb: 'create', 'objectRef.resource': 'services', 'requestObject.spec.externalIPs': '*' },
      'requestObject.spec.externalIps',
    ],
  ];

  const planted: string[] = [];
  const rules = Array.from({ length: 200 }, (_, number) => {
    const [selection, wrong] = TEMPLATES[number % TEMPLATES.length]!;
    const written = { ...selection, 'objectRef.namespace': `team-${number}` };
    if (number % 50 >= TEMPLATES.length) return rule(number, written);
    planted.push(`${number}.yml detection.selection.${wrong}`);
    const right = Object.keys(selection).at(-1);
    const entries = Object.entries(written).map(([key, value]) => [key === right ? wrong : key, value]);
    return rule(number, Object.fromEntries(entries));
  });

  it('have 40 fields misspelt: those are found, and nothing else', () => {
    const problems = problemsIn(rules, { door: 'replay' });
    expect(planted).toHaveLength(40);
    expect(problems.map(({ file, path }) => `${file} ${path}`)).toEqual(planted);
    expect(new Set(problems.map(({ code }) => code))).toEqual(new Set(['unknown-field']));
    expect(
      problems
        .slice(0, TEMPLATES.length)
        .map(({ message }) => message.replace('; the rule can match nothing', '')),
    ).toEqual([
      'no such field of Pod (did you mean hostPID?)',
      'no such field of Pod (did you mean volumes?)',
      'no such field of PodExecOptions (did you mean command?)',
      'no such field of ClusterRoleBinding or RoleBinding (did you mean roleRef?)',
      'no such field of ClusterRole or Role (did you mean rules?)',
      'no such field of CronJob',
      'no such field of user',
      'no such field of an audit event (did you mean sourceIPs?)',
      'no such field of an audit event (did you mean userAgent?)',
      'no such field of Service (did you mean externalIPs?)',
    ]);
  });
});

describe('what ships', () => {
  it('has nothing wrong with it', () => {
    const texts = ['rules', 'filters'].flatMap((directory) =>
      readdirSync(join(ROOT, directory), { recursive: true, encoding: 'utf8' })
        .filter((name) => name.endsWith('.yml'))
        .map((name) => ({
          name: `${directory}/${name}`,
          text: readFileSync(join(ROOT, directory, name), 'utf8'),
        })),
    );
    for (const door of ['serve', 'replay'] as const)
      expect(createRuleset(parseAll(texts), { door, subresources: 'resource' }).problems).toEqual([]);
  });

  it('has every field of provenance in the schema', () => {
    const wrong = Object.keys(FIELD_MEANINGS).filter(
      (path) => follow(KUBERNETES.types, [EVENT], path).types.length === 0,
    );
    expect(wrong).toEqual([]);
  });
});

describeWithCorpus('the rules of SigmaHQ', () => {
  it('have these values that no event has', () => {
    const texts = corpusFiles('sigma-rules', '.yml').map((name) => ({ name, text: corpusText(name) }));
    const { problems } = createRuleset(parseAll(texts), { door: 'replay', subresources: 'resource' });
    const replace =
      'impossible-value detection.selection.verb: no event has "replace"; expected create, get, update, patch, delete, list, watch, deletecollection, …';
    expect(
      problems.map(
        ({ file, code, path, message }) =>
          `${file.replace('sigma-rules/kubernetes_audit_', '')} ${code} ${path}: ${message}`,
      ),
    ).toEqual([
      `change_admission_controller.yml ${replace}`,
      `cronjob_modification.yml ${replace}`,
      'potential_enumeration_activity.yml impossible-value detection.selection_status.responseStatus.code: no event has "ALLOW"; expected an integer; the rule can match nothing',
      `rolebinding_modification.yml ${replace}`,
      `secrets_modified_or_deleted.yml ${replace}`,
    ]);
  });
});
