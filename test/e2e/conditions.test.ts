import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { json } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { auditEventFromAdmission } from '../../src/kubernetes/audit-event.ts';
import type { AdmissionRequest } from '../../src/kubernetes/admission-review.ts';
import { eventAs } from '../../src/policy/evaluate.ts';
import { activeRules, type Ruleset } from '../../src/policy/ruleset.ts';
import { wantedConfiguration } from '../../src/registration/wanted-configuration.ts';
import { OTHER } from '../../src/registration/webhook-configuration.ts';
import { installCheck } from '../../src/commands/install-check/install-check.ts';
import { parseCommandLine } from '../../src/settings/command-line.ts';
import type { Json } from '../control-plane/api-client.ts';
import { startControlPlane, type OwnControlPlane } from '../control-plane/control-plane.ts';
import { corpusFiles, corpusText, describeWithCorpus } from '../corpus.ts';
import { load } from '../policy/rulesets.ts';
import { eventually } from '../lib/eventually.ts';
import { openAskingRoom, type Asked, type AskingRoom } from './lib/asking.ts';
import {
  APPS,
  collectionOf,
  exhausting,
  mutated,
  NAMESPACES,
  ODD,
  ofCorpus,
  OWN,
  STANDING,
  WIDGETS,
  withApiVersion,
} from './lib/askings.ts';
import { describeWithPrograms } from './lib/describe-with-control-plane.ts';
import { generatedRules } from './lib/generated-rules.ts';
import { HOSTILE_RULES } from './lib/hostile-rules.ts';

const CONFIG_MAPS = [
  { apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['configmaps'] },
];
const RULES = join(import.meta.dirname, '../../rules');
const SHIPPED = load(
  readdirSync(RULES)
    .filter((file) => file.endsWith('.yml'))
    .map((file) => readFileSync(join(RULES, file), 'utf8')),
);
const MUTATED = 200;
const GENERATED = 200;
/** For a machine that does other things too. */
const PATIENCE_MS = 300_000;

/** What admission refuses before any webhook is asked is of no use here. */
const FLAGS = [
  '--authorization-mode=AlwaysAllow',
  '--disable-admission-plugins=ServiceAccount,Priority,RuntimeClass,PodSecurity',
];

describeWithPrograms('What the conditions of other let through', () => {
  let controlPlane: OwnControlPlane;
  let room: AskingRoom;
  let own: readonly Asked[];

  beforeAll(async () => {
    controlPlane = await startControlPlane({
      auditLevel: 'Metadata',
      without: ['kube-controller-manager', 'kube-scheduler'],
      flags: { 'kube-apiserver': FLAGS },
    });
    room = await openAskingRoom(controlPlane);
    await prepare(controlPlane);
    own = await room.ask(OWN);
  });
  afterAll(async () => {
    await controlPlane.stop();
    await room.stop();
  });

  it('our own requests are reviewed', () => {
    expect(notReviewed(own)).toEqual([]);
  });

  describe('with the shipped rules', () => {
    const sets = new Map([['shipped', SHIPPED]]);
    let asked: readonly Asked[];

    beforeAll(async () => {
      await register(sets);
      asked = await room.ask([...OWN, ...mutated(MUTATED)]);
    });
    afterAll(() => room.unregister());

    it('every request that a rule matches, or cannot judge', () => {
      expect(missing(asked, sets)).toEqual([]);
      expect(needed(asked, sets)).toBeGreaterThan(20);
    });

    it('of what no rule matches, next to nothing', () => {
      expect(sharesSent(asked, sets)).toBeLessThan(0.01);
    });

    it('no condition ended in an error', async () => {
      expect(await evaluationErrors(controlPlane)).toBe(0);
    });

    describeWithCorpus('and the objects of others', () => {
      let others: readonly Asked[];
      beforeAll(async () => {
        others = (await room.ask(ofCorpus())).filter(({ review }) => review !== undefined);
      });

      it('every request that a rule matches, or cannot judge', () => {
        expect(missing(others, sets)).toEqual([]);
      });

      it('of what no rule matches, at most one in a hundred', () => {
        expect(others.length).toBeGreaterThan(200);
        expect(sharesSent(others, sets)).toBeLessThanOrEqual(0.01);
      });
    });
  });

  describeWithCorpus('with SigmaHQ’s rules, each for itself', () => {
    const sets = new Map(
      corpusFiles('sigma-rules', '.yml').map(
        (file, at) => [`sigmahq-${at}`, load([corpusText(file)])] as const,
      ),
    );
    let asked: readonly Asked[];

    beforeAll(async () => {
      await register(sets);
      asked = await room.ask([...OWN, ...mutated(MUTATED), ...ofCorpus()]);
    });
    afterAll(() => room.unregister());

    it('every request that a rule matches, or cannot judge', () => {
      expect(missing(asked, sets)).toEqual([]);
      expect(needed(asked, sets)).toBeGreaterThan(50);
    });

    it('no condition ended in an error', async () => {
      expect(await evaluationErrors(controlPlane)).toBe(0);
    });
  });

  describe(`with ${GENERATED} generated rules, and with hostile ones, each for itself`, () => {
    let sets: ReadonlyMap<string, Ruleset>;
    let asked: readonly Asked[];

    beforeAll(async () => {
      const texts = [...generated(own), ...HOSTILE_RULES];
      sets = new Map(texts.map((text, at) => [`rule-${at}`, load([text])] as const));
      await register(sets);
      asked = await room.ask([...OWN, ...ODD, ...mutated(MUTATED)]);
    }, PATIENCE_MS);
    afterAll(() => room.unregister());

    it('every request that a rule matches, or cannot judge', () => {
      expect(missing(asked, sets)).toEqual([]);
      expect(needed(asked, sets)).toBeGreaterThan(3000);
    });

    it('no condition ended in an error', async () => {
      expect(await evaluationErrors(controlPlane)).toBe(0);
    });
  });

  describe('of objects that are made to exhaust them', () => {
    let sets: ReadonlyMap<string, Ruleset>;
    let asked: readonly Asked[];

    beforeAll(async () => {
      const sigmahq = corpusFiles('sigma-rules', '.yml').map(corpusText);
      sets = new Map([
        ['shipped', SHIPPED],
        ['sigmahq', load(sigmahq)],
        ['generated', load(generated(own))],
      ]);
      await register(sets);
      asked = await room.ask(exhausting());
    }, PATIENCE_MS);
    afterAll(() => room.unregister());

    it('are reviewed', () => {
      expect(notReviewed(asked)).toEqual([]);
    });

    it('every one that a rule matches, or cannot judge', () => {
      expect(missing(asked, sets)).toEqual([]);
      expect(needed(asked, sets)).toBeGreaterThan(50);
    });

    it('no condition ended in an error', async () => {
      expect(await evaluationErrors(controlPlane)).toBe(0);
    });
  });

  describe('where a condition ends in an error', () => {
    beforeAll(async () => {
      const { api } = controlPlane;
      const { webhooks, ...configuration } = wantedConfiguration(SETTINGS, SHIPPED);
      const broken = [{ name: 'broken', expression: 'object.nothing == 1' }];
      await api('POST', '/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations', {
        body: {
          ...configuration,
          webhooks: webhooks.map((entry) =>
            entry.name === OTHER ? { ...entry, matchConditions: broken, rules: CONFIG_MAPS } : entry,
          ),
        },
      });
      await eventually('it ended in an error', async () => {
        const body = { metadata: { name: 'any' } };
        await api('POST', `/api/v1/namespaces/${APPS}/configmaps?dryRun=All`, { body });
        return (await evaluationErrors(controlPlane)) > 0;
      });
    });

    it('install check tells of it', async () => {
      const stdout = new PassThrough();
      const [stderr, stdin] = [new PassThrough(), Readable.from([])];
      const line = ['install', 'check', '--format=json', `--kubeconfig=${controlPlane.kubeconfig()}`];
      const asked = parseCommandLine(line, { env: {}, readFile: () => '', version: '' });
      if (asked.command !== 'install check') throw new TypeError(JSON.stringify(asked));
      await installCheck(asked.config, { stdin, stdout, stderr, env: {} });
      const { findings } = (await json(stdout.end())) as Json;
      expect(findings.find((each: Json) => each['check'] === 'conditions')).toMatchObject({
        verdict: 'warning',
        details: [expect.stringMatching(/^other: [1-9]\d*$/)],
      });
    });
  });

  function register(sets: ReadonlyMap<string, Ruleset>): Promise<void> {
    return room.register(
      new Map([...sets].map(([name, ruleset]) => [name, wantedConfiguration(SETTINGS, ruleset)])),
    );
  }
});

const SETTINGS = {
  name: 'sigma-admission',
  namespace: 'sigma-admission',
  service: 'sigma-admission',
  port: 443,
  distribution: 'upstream',
  modes: { default: 'warn', levels: {}, rules: {} },
} as const;

async function prepare({ api }: OwnControlPlane): Promise<void> {
  for (const name of NAMESPACES) await api('POST', '/api/v1/namespaces', { body: { metadata: { name } } });
  await api('POST', '/apis/apiextensions.k8s.io/v1/customresourcedefinitions', { body: WIDGETS });
  await api('POST', '/api/v1/namespaces/kube-system/serviceaccounts', {
    body: { metadata: { name: 'daemon-set-controller' } },
  });
  for (const object of STANDING) {
    const made = await api('POST', collectionOf(object['kind'], APPS) ?? '', {
      body: withApiVersion(object),
    });
    if (made.status !== 201) throw new Error(made.body['message']);
  }
}

function generated(asked: readonly Asked[]): readonly string[] {
  return generatedRules(
    asked.flatMap(({ review }) => review ?? []),
    GENERATED,
  );
}

function notReviewed(asked: readonly Asked[]): readonly string[] {
  return asked
    .filter(({ review }) => review === undefined)
    .map(({ asking, message }) => `${asking.method} ${asking.path}: ${message?.slice(0, 200)}`);
}

/** Before filters: a match that one accepts is recorded all the same. */
function mayMatch(ruleset: Ruleset, request: AdmissionRequest): boolean {
  const observation = auditEventFromAdmission(request, {}, RECEIVED_AT);
  return observation.verbs.some((verb) => {
    const event = eventAs(verb, { ...observation, unknown: [...observation.unknown, 'provenance'] });
    return activeRules(ruleset).some((rule) => rule.matches(event) !== false);
  });
}

const RECEIVED_AT = '2026-11-25T00:00:00.000000Z';

/** Those are sent by `guard` and `observe`, whatever the rules say. */
function isGuarded({ operation, requestResource, requestSubResource, namespace }: AdmissionRequest): boolean {
  return (
    operation === 'CREATE' &&
    requestResource.resource === 'pods' &&
    requestSubResource === undefined &&
    namespace === 'kube-system'
  );
}

/** Each review with each set of rules, whether the set may match it, and whether it was sent. */
function* judged(asked: readonly Asked[], sets: ReadonlyMap<string, Ruleset>) {
  for (const { asking, review, sent } of asked) {
    if (review === undefined || isGuarded(review)) continue;
    for (const [name, ruleset] of sets)
      yield { asking, name, ruleset, mayMatch: mayMatch(ruleset, review), isSent: sent.has(name) };
  }
}

/** Requests that a rule may match and that were not sent, with their rules. */
function missing(asked: readonly Asked[], sets: ReadonlyMap<string, Ruleset>): readonly unknown[] {
  return [...judged(asked, sets)]
    .filter((each) => each.mayMatch && !each.isSent)
    .slice(0, 10)
    .map(({ asking, name, ruleset }) => {
      const { webhooks } = wantedConfiguration(SETTINGS, ruleset);
      const conditions = webhooks
        .filter((each) => each.name.startsWith('other'))
        .map((each) => each.matchConditions);
      return {
        asking,
        name,
        trees: ruleset.rules.map(({ conditions: [first] }) => JSON.stringify(first?.tree)),
        conditions,
      };
    });
}

function needed(asked: readonly Asked[], sets: ReadonlyMap<string, Ruleset>): number {
  return [...judged(asked, sets)].filter((each) => each.mayMatch).length;
}

/** Of the requests that no rule matches, the share that is sent. */
function sharesSent(asked: readonly Asked[], sets: ReadonlyMap<string, Ruleset>): number {
  const innocent = [...judged(asked, sets)].filter((each) => !each.mayMatch);
  return innocent.filter(({ isSent }) => isSent).length / innocent.length;
}

async function evaluationErrors({ api }: OwnControlPlane): Promise<number> {
  const { body } = await api<string>('GET', '/metrics');
  return [
    ...body.matchAll(/^apiserver_admission_match_condition_evaluation_errors_total\{.*\} (\S+)$/gm),
  ].reduce((sum, [, count]) => sum + Number(count), 0);
}
