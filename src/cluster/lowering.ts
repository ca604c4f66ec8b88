import { isDeepStrictEqual } from 'node:util';
import { lowered, MAX_SETTINGS_FILE } from '../self/lowered-modes.ts';
import type { KubernetesObject } from '../kubernetes/admission-review.ts';
import { asObject } from '../kubernetes/as-object.ts';
import type { Modes } from '../policy/mode.ts';
import { configMapKeyOf, settingsOfReplica } from '../settings/of-replica.ts';
import { ifThere, type ApiServer } from './api-server.ts';
import { repeat } from './repeat.ts';

export interface LoweringOptions {
  readonly api: Pick<ApiServer, 'get'>;
  /** Our Deployment. */
  readonly deployment: { readonly namespace: string; readonly name: string };
  /** The settings in force in this replica. */
  readonly modes: Modes;
  /** The Deployment, or the ConfigMap it names, now asks for less than what is in force. A review may have named who did it. */
  readonly onLowered: (lowers: readonly string[], by: string | undefined) => void;
  readonly onFailure: (error: Error) => void;
  readonly everyMs?: number;
  readonly now?: () => number;
}

export interface Lowering {
  /** A review says that something was changed: it is read for a minute, since what is reviewed is not yet stored. */
  suspect(by: string): void;
  stop(): void;
}

const EVERY_MS = 5_000;
const SUSPECT_MS = 60_000;

/**
 * Reads what our Deployment and its settings file ask for: once at the beginning, to compare with, and whenever a change is
 * suspected. However many suspect one, it is read once each five seconds.
 */
export function followLowering({
  api,
  deployment: { namespace, name },
  modes,
  onLowered,
  onFailure,
  everyMs = EVERY_MS,
  now = () => performance.now(),
}: LoweringOptions): Lowering {
  let until = -Infinity;
  let by: string | undefined;
  let known: readonly string[] | undefined;
  async function look(): Promise<void> {
    if (known !== undefined && now() > until) return;
    const lowers = await readLowered();
    if (lowers === undefined) return;
    if (known !== undefined && lowers.length > 0 && !isDeepStrictEqual(lowers, known)) onLowered(lowers, by);
    known = lowers;
  }
  /** Undefined where it is not there to be read, or no replica would start with it: what is in force stays. */
  async function readLowered(): Promise<readonly string[] | undefined> {
    const get = async (path: string) => (await ifThere(api.get(path))) as KubernetesObject | undefined;
    const deployment = await get(`/apis/apps/v1/namespaces/${namespace}/deployments/${name}`);
    if (deployment === undefined) return undefined;
    const spec = asObject(asObject(asObject(deployment['spec'])?.['template'])?.['spec']);
    let path: string | undefined;
    settingsOfReplica(spec, { namespace, readFile: (asked) => void (path = asked) });
    const source = path === undefined ? undefined : configMapKeyOf(spec, path);
    const configMap = source && (await get(`/api/v1/namespaces/${namespace}/configmaps/${source.configMap}`));
    const text = asObject(configMap?.['data'])?.[source?.key ?? ''];
    if (source !== undefined && typeof text !== 'string') return undefined;
    return loweredBy(text === undefined ? '' : String(text), spec);
  }
  function loweredBy(text: string, spec: unknown): readonly string[] | undefined {
    if (text.length > MAX_SETTINGS_FILE)
      return [`the settings file is over ${MAX_SETTINGS_FILE} characters: not read`];
    const settings = settingsOfReplica(spec, { namespace, readFile: () => text });
    if (settings.kind === 'refused') return undefined;
    if (settings.kind === 'unknown') return [settings.why];
    const { mode, levels, rules } = settings.values;
    return lowered(modes, { default: mode, levels, rules });
  }
  const stop = repeat({ everyMs, task: look, onFailure });
  return {
    suspect(username) {
      until = now() + SUSPECT_MS;
      by = username;
    },
    stop,
  };
}
