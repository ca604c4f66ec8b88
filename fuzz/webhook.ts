import { IncomingMessage, ServerResponse, type RequestListener } from 'node:http';
import { Socket } from 'node:net';
import { pino } from 'pino';
import { Registry } from 'prom-client';
import { expect } from './target.ts';
import {
  createJsonLinesRecorder,
  createLiveProvenance,
  createProbe,
  createReviewer,
  createSelfReview,
  ownSettings,
  fixedSource,
  loadRuleset,
  onlyByRuleId,
  parseAll,
  webhookApp,
  type NamedDocument,
} from './src.ts';
import { ours } from './seeds.ts';

const MIB = 1024 * 1024;
const LOG = { product: 'kubernetes', service: 'audit' };

/** A rule of every kind of item, asked of what a review may hold. */
const ITEMS: Readonly<Record<string, unknown>> = {
  'requestObject.metadata.labels.app': '*a?b*',
  'requestObject.metadata.name|startswith|cased': 'kube-',
  'requestObject.spec.containers.image|contains|all': ['bus', 'box'],
  'requestObject.spec.containers.args|re|i': '(a+)+$',
  'requestObject.spec.hostNetwork': true,
  'requestObject.spec.replicas|gte': 1,
  'requestObject.status.podIP|cidr': ['10.0.0.0/8', 'fd00::/8'],
  'requestObject.metadata.namespace|fieldref': 'objectRef.namespace',
  'requestObject.metadata.name|fieldref|contains': 'objectRef.name',
  'requestObject.metadata.creationTimestamp|hour': 1,
  'requestObject.spec.nodeName': null,
  'requestObject.__proto__.polluted|exists': true,
  'user.extra|exists': true,
  'objectRef.subresource|windash|contains': '-a',
  'requestObject.spec.containers.command|wide|base64offset|contains': 'cmd',
};

/** The rules that ship, and one of every kind. */
export const RULES: readonly NamedDocument[] = [
  ...[...ours('rules', '.yml'), ...ours('filters', '.yml')].map((text, index) => ({
    name: `${index}.yml`,
    text,
  })),
  ...Object.entries(ITEMS).map(([item, value], index) => ({
    name: `item-${index}.yml`,
    text: JSON.stringify({
      title: item,
      id: `00000000-0000-4000-8000-${String(index).padStart(12, '0')}`,
      logsource: LOG,
      detection: { selection: { [item]: value }, condition: 'selection' },
    }),
  })),
];

export const RULE_SOURCE = fixedSource(RULES);

export interface Asked {
  readonly path: string;
  readonly body: Buffer;
}

export interface Answer {
  readonly code: number;
  readonly body: string;
}

/** The webhook as serve makes it, but for its sockets. */
export function createWebhook(): (asked: Asked) => Promise<Answer> {
  const ruleset = loadRuleset(parseAll(RULES), { door: 'serve', subresources: 'resource' });
  const modes = { default: 'warn', levels: { high: 'enforce' }, rules: {} } as const;
  const provenance = createLiveProvenance({
    api: undefined,
    registry: new Registry(),
    log: pino({ level: 'silent' }),
  });
  provenance.follow(ruleset);
  const recorder = createJsonLinesRecorder({
    write: (line) => expect(line.indexOf('\n') === line.length - 1, 'a record that is no line'),
  });
  const reviewer = (by: Parameters<typeof onlyByRuleId>[0]) =>
    createReviewer({
      ruleset: () => ruleset,
      modes: by,
      provenance: provenance.find,
      recorder,
      now: () => 0,
    });
  let fault: unknown;
  const app = webhookApp({
    entries: {
      guard: reviewer(modes),
      observe: reviewer(onlyByRuleId(modes)),
      other: reviewer(modes),
      'other-observe': reviewer(onlyByRuleId(modes)),
      probe: createProbe('sigma-admission'),
      self: createSelfReview({
        modes,
        ruleset: () => ruleset,
        namespace: 'sigma-admission',
        settings: ownSettings({ argv: ['--config=c'], env: {}, readFile: () => '' }, 'sigma-admission'),
        onOwnChange: JSON.stringify,
      }),
    },
    checks: () => [],
    metrics: { registry: new Registry(), answered: () => {}, refused: () => {} },
    onFault: (error) => (fault = error),
    timeoutSeconds: () => 30,
    limits: {
      bodyBytes: 20 * MIB,
      bytesInFlight: 64 * MIB,
      parsedBytesInFlight: 128 * MIB,
      requestsInFlight: 1000,
    },
    isDraining: () => false,
  });
  return async function ask(asked) {
    fault = undefined;
    const answer = await answerOf(app, asked);
    if (answer.code === 500) throw new Error('answered with 500', { cause: fault });
    return answer;
  };
}

const SOCKET = new Socket();

/** Node's own request and response, without a connection. */
function answerOf(app: RequestListener, { path, body }: Asked): Promise<Answer> {
  const request = new IncomingMessage(SOCKET);
  request.method = 'POST';
  request.url = path;
  request.headers = { 'content-type': 'application/json', 'content-length': String(body.length) };
  const response = new ServerResponse(request);
  const answered = new Promise<Answer>((resolve) => {
    // Own, because express changes the prototype.
    response.end = (text: unknown) => {
      resolve({ code: response.statusCode, body: String(text) });
      response.emit('close');
      return response;
    };
  });
  app(request, response);
  request.push(body);
  request.complete = true;
  request.push(null);
  return answered;
}
