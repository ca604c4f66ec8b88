import { isDeepStrictEqual } from 'node:util';
import type { AdmissionRequest, KubernetesObject } from '../kubernetes/admission-review.ts';
import { asObject } from '../kubernetes/as-object.ts';
import type { Modes } from '../policy/mode.ts';
import type { Ruleset } from '../policy/ruleset.ts';
import { lowered, type Effect, type OwnSettings } from './lowered-modes.ts';

/** What a change is held against. */
export interface OwnState {
  /** In force now. */
  readonly modes: Modes;
  readonly ruleset: () => Pick<Ruleset, 'rules' | 'door'>;
  readonly namespace: string;
  readonly settings: OwnSettings;
}

/** Sets `Ignore` everywhere for as long as it is on our Deployment; its text says why. */
export const BREAK_GLASS = 'sigma-admission/break-glass';

/** What a change of our Deployment, or of its scale, comes to. */
export function deploymentChange(request: AdmissionRequest, state: OwnState): Effect {
  const { operation, subResource } = request;
  if (subResource !== undefined && subResource !== 'scale') return { lowers: [], notable: [] };
  if (operation === 'DELETE') return { lowers: [], notable: ['deleted'] };
  const [before, after] = [specOf(request.oldObject), specOf(request.object)];
  // Go leaves a Scale's 0 out; a Deployment without a number has one replica.
  const absent = subResource === 'scale' ? 0 : 1;
  const scaled = replicasChange(
    operation === 'CREATE' ? undefined : (before['replicas'] ?? absent),
    after['replicas'] ?? absent,
  );
  if (subResource === 'scale') return { lowers: [], notable: scaled };
  const [was, is] = [podOf(before), podOf(after)];
  const settings = settingsChange(operation === 'CREATE' ? undefined : was, is, state);
  return {
    lowers: settings.lowers,
    notable: [
      ...breakGlassChange(request.oldObject, request.object),
      ...scaled,
      ...(operation === 'CREATE' ? [] : podChange(was, is)),
      ...settings.notable,
    ],
  };
}

/** A pod whose settings cannot be told, or with which it does not start, lowers nothing: what is wrong is told once. */
function settingsChange(
  was: KubernetesObject | undefined,
  is: KubernetesObject,
  { modes, settings }: OwnState,
): Effect {
  const [before, after] = [was && settings.withPod(was), settings.withPod(is)];
  if (after.kind === 'read')
    return { lowers: lowered(before?.kind === 'read' ? before.modes : modes, after.modes), notable: [] };
  const isNew = before?.kind !== 'problems' || !isSame(before.problems, after.problems);
  return { lowers: [], notable: isNew ? after.problems : [] };
}

function breakGlassChange(
  before: KubernetesObject | undefined,
  after: KubernetesObject | undefined,
): readonly string[] {
  const [was, is] = [before, after].map(
    (object) => asObject(asObject(object?.['metadata'])?.['annotations'])?.[BREAK_GLASS],
  );
  if (was === is) return [];
  return [is === undefined ? `break-glass taken off: ${textOf(was)}` : `break-glass put on: ${textOf(is)}`];
}

function replicasChange(was: unknown, is: unknown): readonly string[] {
  return is === 0 && was !== 0 ? [`replicas from ${typeof was === 'number' ? was : 'none'} to 0`] : [];
}

function podChange(before: KubernetesObject, after: KubernetesObject): readonly string[] {
  const [was, is] = [containersOf(before), containersOf(after)];
  const containers = [...new Set([...was.keys(), ...is.keys()])].flatMap((name) =>
    containerChange(name, was.get(name), is.get(name)),
  );
  const said = [...containers, ...volumesChange(before, after)];
  return said.length > 0 || isSame(before, after) ? said : ['pods changed'];
}

function containerChange(
  name: string,
  was: KubernetesObject | undefined,
  is: KubernetesObject | undefined,
): readonly string[] {
  if (was === undefined) return [`container ${name} added: ${textOf(is?.['image'])}`];
  if (is === undefined) return [`container ${name} removed`];
  const image =
    was['image'] === is['image'] ? [] : [`image from ${textOf(was['image'])} to ${textOf(is['image'])}`];
  const [argsBefore, argsAfter] = [argsOf(was), argsOf(is)];
  const [setBefore, setAfter] = [new Set(argsBefore), new Set(argsAfter)];
  const args = [
    ...[...setBefore].filter((each) => !setAfter.has(each)).map((each) => `argument ${each} removed`),
    ...[...setAfter].filter((each) => !setBefore.has(each)).map((each) => `argument ${each} added`),
  ];
  const [envBefore, envAfter] = [envOf(was), envOf(is)];
  const env = [...new Set([...envBefore.keys(), ...envAfter.keys()])]
    .filter((key) => !isSame(envBefore.get(key), envAfter.get(key)))
    // Whose value it is, is not ours to say.
    .map((key) => `environment ${key} changed`);
  return [...image, ...args, ...env];
}

/** Most telling where kustomize names a ConfigMap after its content. */
function volumesChange(before: KubernetesObject, after: KubernetesObject): readonly string[] {
  const [was, is] = [volumesOf(before), volumesOf(after)];
  return [...new Set([...was.keys(), ...is.keys()])]
    .filter((name) => !isSame(was.get(name), is.get(name)))
    .map((name) => `volume ${name} from ${contentOf(was.get(name))} to ${contentOf(is.get(name))}`);
}

function contentOf(volume: KubernetesObject | undefined): string {
  if (volume === undefined) return 'none';
  const configMap = asObject(volume['configMap'])?.['name'];
  const secret = asObject(volume['secret'])?.['secretName'];
  if (configMap !== undefined) return `ConfigMap ${textOf(configMap)}`;
  return secret === undefined ? 'something else' : `Secret ${textOf(secret)}`;
}

function specOf(object: KubernetesObject | undefined): KubernetesObject {
  return asObject(object?.['spec']) ?? {};
}

function podOf(spec: KubernetesObject): KubernetesObject {
  return asObject(asObject(spec['template'])?.['spec']) ?? {};
}

function containersOf(pod: KubernetesObject): ReadonlyMap<string, KubernetesObject> {
  return new Map([...byName(pod['initContainers']), ...byName(pod['containers'])]);
}

function volumesOf(pod: KubernetesObject): ReadonlyMap<string, KubernetesObject> {
  return byName(pod['volumes']);
}

function envOf(container: KubernetesObject): ReadonlyMap<string, KubernetesObject> {
  return byName(container['env']);
}

function argsOf(container: KubernetesObject): readonly string[] {
  return [container['command'], container['args']].flatMap((list) =>
    Array.isArray(list) ? list.map(textOf) : [],
  );
}

function byName(list: unknown): ReadonlyMap<string, KubernetesObject> {
  const objects = Array.isArray(list) ? list.map(asObject) : [];
  return new Map(
    objects.flatMap((object): [string, KubernetesObject][] =>
      object === undefined ? [] : [[textOf(object['name']), object]],
    ),
  );
}

function isSame(one: unknown, other: unknown): boolean {
  try {
    return isDeepStrictEqual(one, other);
  } catch {
    // Nested deeper than the stack goes.
    return false;
  }
}

/** The text of a value in an object that may be forged: `{"toString": 1}` cannot be made text. */
export function textOf(value: unknown): string {
  return typeof value === 'object' ? 'something else' : String(value);
}
