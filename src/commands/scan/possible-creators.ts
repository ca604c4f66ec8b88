import type { Observation } from '../../kubernetes/audit-event.ts';
import {
  CONTROLLERS_BY_KIND,
  KUBE_CONTROLLER_MANAGER,
  KUBE_SYSTEM_ACCOUNT_PREFIX,
  KUBE_SYSTEM_ACCOUNTS_GROUP,
  NODES,
} from '../../kubernetes/identities.ts';
import type { UserInfo } from '../../kubernetes/user-info.ts';
import { eventAs } from '../../policy/evaluate.ts';
import type { LoadedFilter } from '../../policy/ruleset.ts';
import { itemsOf } from '../../sigma/match/partial-evaluation.ts';

/** A client that may have made an object: under one of these identities, or a user of whom nothing is known. */
export type PossibleCreator = 'unknown user' | readonly UserInfo[];

/** What the allowlist says of a match, as far as it is known who may have made the object. */
export type Answer =
  | { readonly kind: 'open' }
  | { readonly kind: 'accepted'; readonly filter: LoadedFilter }
  /** One of those who may have made it is accepted, or may be; another is not. */
  | { readonly kind: 'undetermined'; readonly filter: LoadedFilter };

const CONTROLLER_GROUPS = ['system:serviceaccounts', KUBE_SYSTEM_ACCOUNTS_GROUP, 'system:authenticated'];
/** Filters ask that there is one, and cannot know which. */
const ANY_UID = '(any)';

/**
 * The controller that makes what this kind owns: by its own service account, or, where kube-controller-manager runs without
 * those, under that one's name. Undefined for kinds that belong to no controller of Kubernetes.
 */
export function controllerFor(kind: string): PossibleCreator | undefined {
  if (!Object.hasOwn(CONTROLLERS_BY_KIND, kind)) return undefined;
  const name = CONTROLLERS_BY_KIND[kind as keyof typeof CONTROLLERS_BY_KIND];
  return [
    { username: `${KUBE_SYSTEM_ACCOUNT_PREFIX}${name}`, uid: ANY_UID, groups: CONTROLLER_GROUPS },
    { username: KUBE_CONTROLLER_MANAGER, groups: ['system:authenticated'] },
  ];
}

export function kubeletOf(node: string): PossibleCreator {
  return [{ username: `${NODES.usernamePrefix}${node}`, groups: [NODES.group, 'system:authenticated'] }];
}

/** Asks a rule's filters that accept by who asked about each of those who may have made the object. */
export function answerOf(
  verb: string,
  observation: Observation,
  creators: readonly PossibleCreator[],
  filters: readonly LoadedFilter[],
): Answer {
  const answers = creators.map((creator) => answerFor(verb, observation, creator, filters));
  const [first = OPEN] = answers;
  if (answers.every(({ kind }) => kind === first.kind)) return first;
  const filter = answers.map((answer) => (answer.kind === 'open' ? undefined : answer.filter)).find(Boolean);
  return filter === undefined ? OPEN : { kind: 'undetermined', filter };
}

const OPEN: Answer = { kind: 'open' };

function answerFor(
  verb: string,
  observation: Observation,
  creator: PossibleCreator,
  filters: readonly LoadedFilter[],
): Answer {
  if (creator === 'unknown user') {
    const event = eventAs(verb, observation);
    const filter = filters.find((each) => isAboutObject(each) && each.matches(event) !== true);
    return filter === undefined ? OPEN : { kind: 'undetermined', filter };
  }
  const unknown = observation.unknown.filter((field) => field !== 'user');
  for (const user of creator) {
    const event = eventAs(verb, { ...observation, event: { ...observation.event, user }, unknown });
    const filter = filters.find((each) => each.matches(event) === false);
    if (filter !== undefined) return { kind: 'accepted', filter };
  }
  return OPEN;
}

/**
 * Whether a filter says something of the object, beyond where it is. A filter that only accepts users, such as
 * `--allow-user`, would make every object of an unknown user undetermined, and so hide it.
 */
function isAboutObject({ tree }: LoadedFilter): boolean {
  return itemsOf(tree).some(({ paths }) => paths.some((path) => ABOUT_OBJECT.test(path)));
}

const ABOUT_OBJECT = /^(objectRef\.name$|requestObject\.|provenance\.)/;
