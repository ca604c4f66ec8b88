import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { isSystemIdentity } from '../../registration/system-identity.ts';
import { CONTROL_PLANES, type Distribution } from '../../registration/identities.ts';
import { POD_CONTROLLERS } from '../../kubernetes/identities.ts';
import type { Observation } from '../../kubernetes/audit-event.ts';
import { createAuditLogReader } from '../../kubernetes/audit-log.ts';
import { isOfInput, logFiles, problemOf, UnreadableLog } from '../../io/input-files.ts';
import { rebuildAdmission } from '../../kubernetes/rebuilt-admission.ts';
import type { UserInfo } from '../../kubernetes/user-info.ts';
import { withLoggedProvenance } from '../../provenance/logged-provenance.ts';
import { evaluate } from '../../policy/evaluate.ts';
import { loadRuleset, readRules } from '../../policy/load-rules.ts';
import { ruleSourceOf, type RuleSettings } from '../../policy/rule-source.ts';
import type { Ruleset } from '../../policy/ruleset.ts';

/** A user that, by an audit log, creates pods in kube-system or requests tokens of controllers. */
export interface LoggedCaller {
  readonly username: string;
  readonly what: 'pods' | 'tokens';
  readonly count: number;
  /** The distributions whose control plane, controllers or nodes have this identity. */
  readonly heals: readonly Distribution[];
  /** Whether a loaded filter accepts the user, or else the preset (a file) that would. */
  readonly accepted: 'no' | 'loaded' | { readonly by: string };
}

/** The callers that audit logs name. */
export interface LoggedCallers {
  readonly callers: readonly LoggedCaller[];
  /** One line for each log that could not be read. */
  readonly problems: readonly string[];
}

export interface CallersOptions extends Omit<RuleSettings, 'allowUsers'> {
  readonly logs: readonly string[];
  readonly stdin: AsyncIterable<Buffer>;
}

/** The two rules whose filters name the identities of kube-system: on pods created there, and on tokens of controllers. */
const RULES: readonly string[] = [
  'a80d927d-ac6e-443f-a867-e8d6e3897318',
  '17734dae-e0ab-4371-84d3-fe178b0de409',
];

/** Reads audit logs, once through. Throws a SigmaError if rules or filters cannot be loaded. */
export async function readCallers(options: CallersOptions): Promise<LoggedCallers> {
  const { logs, stdin } = options;
  const rules = await loadRules(options);
  const problems: string[] = [];
  const counted = new Map<string, LoggedCaller>();
  const onEvent = (event: Observation) => {
    const observed = admitted(event);
    if (observed === undefined) return;
    const caller = callerIn(observed, rules);
    if (caller === undefined) return;
    const key = JSON.stringify(caller);
    counted.set(key, { ...caller, count: (counted.get(key)?.count ?? 0) + 1 });
  };
  for (const { name, read } of await logFiles(logs, stdin, (file, why) => problems.push(`${file}: ${why}`))) {
    const reader = createAuditLogReader({ onEvent, onBadLine: () => {}, onSkippedLines: () => {} });
    let isEmpty = true;
    try {
      for await (const chunk of read(() => {})) {
        isEmpty = false;
        reader.read(chunk);
      }
      reader.end();
      if (!isEmpty && !reader.hasEvent()) throw new UnreadableLog('no audit event in it');
    } catch (error) {
      if (!isOfInput(error)) throw error;
      problems.push(`${name}: ${problemOf(error)}`);
    }
  }
  return { callers: [...counted.values()].toSorted((one, other) => other.count - one.count), problems };
}

/** Loaded filters come before presets: of two filters that accept a user, the first is named. */
async function loadRules(settings: CallersOptions): Promise<Rules> {
  const { filtersDirs } = settings;
  const presets = (await Promise.all(filtersDirs.map((directory) => presetsIn(directory)))).flat();
  const source = ruleSourceOf({ ...settings, filtersDirs: [...filtersDirs, ...presets], allowUsers: [] });
  const parsed = await readRules(source);
  const rules = parsed.rules.filter(({ id }) => RULES.includes(id));
  const ruleset = loadRuleset({ ...parsed, rules }, { door: 'serve', subresources: 'resource' });
  return { ruleset, presets: presets.filter((file) => !filtersDirs.includes(file)) };
}

interface Rules {
  readonly ruleset: Ruleset;
  readonly presets: readonly string[];
}

async function presetsIn(directory: string): Promise<readonly string[]> {
  const presets = join(directory, 'presets');
  const names = await readdir(presets).catch(() => []);
  return names
    .filter((name) => name.endsWith('.yml'))
    .toSorted()
    .map((name) => join(presets, name));
}

/** The request as admission saw it; undefined if it was refused, is not known to have ended, or does not go through admission. */
function admitted(logged: Observation): Observation | undefined {
  const { stage, responseStatus } = logged.event;
  const code = responseStatus?.['code'];
  const isRefused = typeof code === 'number' && code >= 400;
  if (isRefused || logged.dryRun || stage === 'RequestReceived' || stage === 'ResponseStarted')
    return undefined;
  const rebuilt = rebuildAdmission(logged);
  return rebuilt === undefined ? undefined : withLoggedProvenance(rebuilt);
}

function callerIn(observation: Observation, { ruleset, presets }: Rules): LoggedCaller | undefined {
  const what = whatOf(observation);
  if (what === undefined) return undefined;
  const user: UserInfo = observation.event.user ?? {};
  const file = evaluate(observation, ruleset).matches.find(({ filter }) => filter !== undefined)?.filter
    ?.filter.file;
  const accepted = file === undefined ? 'no' : presets.includes(file) ? { by: file } : ('loaded' as const);
  const heals = (Object.keys(CONTROL_PLANES) as Distribution[]).filter((each) =>
    isSystemIdentity(user, each),
  );
  // All nodes count as one caller.
  const username = user.username ?? '';
  return { username: username.replace(/^(system:node:).*/, '$1*'), what, count: 0, heals, accepted };
}

function whatOf({ verbs, event: { objectRef } }: Observation): LoggedCaller['what'] | undefined {
  const { resource, subresource, namespace, name, apiGroup } = objectRef ?? {};
  if (verbs[0] !== 'create' || namespace !== 'kube-system' || apiGroup !== undefined) return undefined;
  if (resource === 'pods' && subresource === undefined) return 'pods';
  const isToken = resource === 'serviceaccounts' && subresource === 'token';
  return isToken && CONTROLLER_NAMES.includes(name ?? '') ? 'tokens' : undefined;
}

const CONTROLLER_NAMES: readonly string[] = Object.values(POD_CONTROLLERS);
