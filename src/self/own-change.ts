import { printable, shorten } from '../io/text.ts';
import type { AdmissionRequest, KubernetesObject } from '../kubernetes/admission-review.ts';
import { asObject } from '../kubernetes/as-object.ts';
import type { UserInfo } from '../kubernetes/user-info.ts';
import { isRuleFile, type NamedDocument } from '../policy/rule-source.ts';
import { loweredByFile, loweredByRules, type Effect } from './lowered-modes.ts';
import { deploymentChange, textOf, type OwnState } from './own-deployment.ts';

/** A change of one of our own objects that weakens us, or that an operator should know. */
export interface OwnChange {
  readonly kind: 'ConfigMap' | 'Deployment' | 'Secret';
  /** `ConfigMap sigma-admission-config-abc` */
  readonly what: string;
  readonly operation: AdmissionRequest['operation'];
  readonly dryRun: boolean;
  /** `mode from enforce to warn` */
  readonly lowers: readonly string[];
  /** `replicas from 2 to 0` */
  readonly notable: readonly string[];
  readonly by: Caller;
}

/** The user of the request as the API server named it, made printable. */
interface Caller {
  readonly username: string;
  readonly uid?: string;
  readonly groups: readonly string[];
}

const KINDS: ReadonlyMap<string, OwnChange['kind']> = new Map([
  ['/configmaps', 'ConfigMap'],
  ['apps/deployments', 'Deployment'],
  ['/secrets', 'Secret'],
]);
/** Such as every namespace has, by the controller manager. */
const NOT_OURS: readonly string[] = ['kube-root-ca.crt'];

/** What a request in our own namespace does to us; undefined where there is nothing to tell. */
export function ownChange(request: AdmissionRequest, state: OwnState): OwnChange | undefined {
  const { resource, operation, dryRun, userInfo } = request;
  const kind = KINDS.get(`${resource.group}/${resource.resource}`);
  if (kind === undefined || request.namespace !== state.namespace) return undefined;
  const name = nameOf(request);
  if (NOT_OURS.includes(name)) return undefined;
  const { lowers, notable } = FINDINGS[kind](request, state);
  if (lowers.length + notable.length === 0) return undefined;
  return {
    kind,
    what: excerpt(`${kind} ${name}`),
    operation,
    dryRun,
    lowers: few(lowers),
    notable: few(notable),
    by: caller(userInfo),
  };
}

const FINDINGS: Readonly<Record<OwnChange['kind'], (request: AdmissionRequest, state: OwnState) => Effect>> =
  {
    ConfigMap: configMapChange,
    Deployment: deploymentChange,
    Secret: secretChange,
  };

/** The items of a deletecollection have no name of their own. */
function nameOf({ name, oldObject }: AdmissionRequest): string {
  return name ?? textOf(asObject(oldObject?.['metadata'])?.['name'] ?? '');
}

const CONFIG_KEY = 'config.yaml';

/** Kustomize names a ConfigMap after its content: another mode is then a ConfigMap that is made, not one that is changed. */
function configMapChange(request: AdmissionRequest, { modes, settings, ruleset }: OwnState): Effect {
  if (request.operation === 'DELETE') return { lowers: [], notable: ['deleted'] };
  const [before, after] = [dataOf(request.oldObject), dataOf(request.object)];
  const keys = changedKeys(before, after);
  const config = after[CONFIG_KEY];
  const byFile =
    keys.includes(CONFIG_KEY) && config !== undefined
      ? loweredByFile(before[CONFIG_KEY], config, modes, settings)
      : { lowers: [], notable: [] };
  const byRules = loweredByRules(rulesIn(before, keys), rulesIn(after, keys), ruleset());
  const lowers = [...byFile.lowers, ...byRules.lowers];
  const notable = [...byFile.notable, ...byRules.notable];
  if (request.operation === 'CREATE' || keys.length === 0) return { lowers, notable };
  return { lowers, notable: [keysChanged(keys), ...notable] };
}

/** The keys among `keys` that a replica would load as files of rules and filters. */
function rulesIn(data: KubernetesObject, keys: readonly string[]): readonly NamedDocument[] {
  return keys
    .filter((key) => key !== CONFIG_KEY && isRuleFile(key))
    .flatMap((name) => {
      const text = data[name];
      return typeof text === 'string' ? [{ name, text }] : [];
    });
}

/** The values of a Secret are never logged, only that they changed; our own renewals are left out. */
function secretChange(request: AdmissionRequest, { namespace }: OwnState): Effect {
  const { operation, userInfo } = request;
  if (operation === 'CREATE' || isOurselves(userInfo, namespace)) return { lowers: [], notable: [] };
  if (operation === 'DELETE') return { lowers: [], notable: ['deleted'] };
  const keys = changedKeys(dataOf(request.oldObject), dataOf(request.object));
  return { lowers: [], notable: keys.length === 0 ? [] : [keysChanged(keys)] };
}

/** In full: a name alone could be impersonated. */
function isOurselves({ username, uid, groups = [] }: UserInfo, namespace: string): boolean {
  return (
    username === `system:serviceaccount:${namespace}:sigma-admission` &&
    uid !== undefined &&
    groups.includes(`system:serviceaccounts:${namespace}`)
  );
}

function dataOf(object: KubernetesObject | undefined): KubernetesObject {
  return { ...asObject(object?.['binaryData']), ...asObject(object?.['data']) };
}

/** Every value of a ConfigMap or Secret is text. What is not is no such object, and counts as changed. */
function changedKeys(before: KubernetesObject, after: KubernetesObject): readonly string[] {
  const keys = new Set([...Object.keys(before), ...Object.keys(after)]);
  return [...keys].filter((key) => typeof after[key] === 'object' || before[key] !== after[key]);
}

function keysChanged(keys: readonly string[]): string {
  const more = keys.length > MAX_SAID ? `, and ${keys.length - MAX_SAID} more` : '';
  const first = keys.slice(0, MAX_SAID).toSorted().map(excerpt).join(', ');
  return `${keys.length} ${keys.length === 1 ? 'key' : 'keys'} changed: ${first}${more}`;
}

const MAX_SAID = 10;
const MAX_TEXT = 200;

/** Cut before it is made printable: a forged text may be as long as a body. */
function excerpt(text: string): string {
  return shorten(printable(shorten(text, MAX_TEXT)), MAX_TEXT);
}

function few(texts: readonly string[]): readonly string[] {
  const first = texts.slice(0, MAX_SAID).map(excerpt);
  return texts.length > MAX_SAID ? [...first, `and ${texts.length - MAX_SAID} more`] : first;
}

function caller({ username = 'unknown', uid, groups = [] }: UserInfo): Caller {
  return {
    username: excerpt(username),
    ...(uid === undefined ? {} : { uid: excerpt(uid) }),
    groups: few(groups),
  };
}
