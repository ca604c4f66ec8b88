import { describe, expect, it } from '@jest/globals';
import { InvalidReview, parseAdmissionReview } from '../../src/kubernetes/admission-review.ts';
import { corpusFiles, corpusLines, corpusText, describeWithCorpus } from '../corpus.ts';

const POD_REQUEST = {
  uid: 'u-1',
  kind: { group: '', version: 'v1', kind: 'Pod' },
  resource: { group: '', version: 'v1', resource: 'pods' },
  requestKind: { group: '', version: 'v1', kind: 'Pod' },
  requestResource: { group: '', version: 'v1', resource: 'pods' },
  name: 'kube-proxy-bv61v',
  namespace: 'kube-system',
  operation: 'CREATE',
  userInfo: { username: 'admin', groups: ['system:masters'] },
  object: { kind: 'Pod' },
  oldObject: null,
  dryRun: false,
  options: { kind: 'CreateOptions' },
};

function reviewOf(request: unknown, apiVersion = 'admission.k8s.io/v1'): Buffer {
  return Buffer.from(JSON.stringify({ apiVersion, kind: 'AdmissionReview', request }));
}

function refusal(body: Buffer | string): InvalidReview {
  try {
    parseAdmissionReview(Buffer.from(body));
  } catch (error) {
    if (error instanceof InvalidReview) return error;
    throw error;
  }
  throw new TypeError('it was read');
}

describe('an AdmissionReview', () => {
  it('gives its request, null and empty fields being absent', () => {
    expect(parseAdmissionReview(reviewOf({ ...POD_REQUEST, subResource: '' }))).toEqual({
      ...POD_REQUEST,
      oldObject: undefined,
    });
  });

  it('without requestResource is about its resource', () => {
    const { requestKind: _, requestResource: __, ...rest } = POD_REQUEST;
    const request = parseAdmissionReview(reviewOf({ ...rest, subResource: 'exec' }));
    expect(request.requestResource).toEqual(POD_REQUEST.resource);
    expect(request.requestKind).toEqual(POD_REQUEST.kind);
    expect(request.requestSubResource).toBe('exec');
  });

  it.each([
    [
      'v1beta1',
      reviewOf(POD_REQUEST, 'admission.k8s.io/v1beta1'),
      'expected admission.k8s.io/v1 AdmissionReview, got "admission.k8s.io/v1beta1" "AdmissionReview"',
    ],
    [
      'a direction mark',
      reviewOf(POD_REQUEST, '\u202eadmission'),
      'expected admission.k8s.io/v1 AdmissionReview, got "\\u{202e}admission" "AdmissionReview"',
    ],
    ['null', 'null', 'expected an object, got null'],
    ['a list', '[]', 'expected an object, got a list'],
    [
      'a bare request',
      JSON.stringify(POD_REQUEST),
      'expected admission.k8s.io/v1 AdmissionReview, got nothing an object',
    ],
    ['no request', reviewOf(null), 'request: expected an object, got null'],
    ['no uid', reviewOf({ ...POD_REQUEST, uid: '' }), 'request.uid: expected a non-empty string, got ""'],
    [
      'an unknown operation',
      reviewOf({ ...POD_REQUEST, operation: 'LIST' }),
      'request.operation: expected one of CREATE, UPDATE, DELETE, CONNECT, got "LIST"',
    ],
    [
      'no user',
      reviewOf({ ...POD_REQUEST, userInfo: undefined }),
      'request.userInfo: expected an object, got nothing',
    ],
    [
      'a group that is no text',
      reviewOf({ ...POD_REQUEST, userInfo: { groups: [1] } }),
      'request.userInfo.groups: expected a list of strings, got a list',
    ],
    [
      'an extra that is no list',
      reviewOf({ ...POD_REQUEST, userInfo: { extra: { a: 'b' } } }),
      'request.userInfo.extra["a"]: expected a list of strings, got "b"',
    ],
    [
      'an object that is none',
      reviewOf({ ...POD_REQUEST, object: 'x' }),
      'request.object: expected an object, got "x"',
    ],
    [
      'no resource',
      reviewOf({ ...POD_REQUEST, resource: {} }),
      'request.resource.version: expected a non-empty string, got nothing',
    ],
    [
      'a pod’s name that the API server would not let it have',
      reviewOf({ ...POD_REQUEST, name: 'a'.repeat(254) }),
      'request.name: expected at most 253 characters, got 254',
    ],
    [
      'such a namespace',
      reviewOf({ ...POD_REQUEST, namespace: 'a'.repeat(254) }),
      'request.namespace: expected at most 253 characters, got 254',
    ],
    [
      'more groups than anybody has',
      reviewOf({ ...POD_REQUEST, userInfo: { groups: Array.from({ length: 4097 }, String) } }),
      'request.userInfo.groups: expected at most 4096, got 4097',
    ],
    [
      'more of what is extra',
      reviewOf({
        ...POD_REQUEST,
        userInfo: { extra: Object.fromEntries(Array.from({ length: 4097 }, (_, key) => [`${key}`, []])) },
      }),
      'request.userInfo.extra: expected at most 4096, got 4097',
    ],
  ])('is refused with its problem: %s', (_, body, message) => {
    expect(refusal(body).message).toBe(message);
  });

  it('is read with the longest there may be, and with a role’s name of any length', () => {
    const userInfo = {
      groups: Array.from({ length: 4096 }, String),
      extra: Object.fromEntries(Array.from({ length: 4096 }, (_, key) => [`key-${key}`, []])),
    };
    const name = 'a'.repeat(253);
    expect(parseAdmissionReview(reviewOf({ ...POD_REQUEST, name, namespace: name, userInfo }))).toMatchObject(
      {
        name,
        namespace: name,
        userInfo,
      },
    );
    const resource = { group: 'rbac.authorization.k8s.io', version: 'v1', resource: 'clusterroles' };
    const role = 'a'.repeat(1000);
    expect(parseAdmissionReview(reviewOf({ ...POD_REQUEST, resource, name: role })).name).toBe(role);
  });

  it('is refused with its uid where that could be read', () => {
    expect(refusal(reviewOf({ ...POD_REQUEST, operation: 'LIST' })).uid).toBe('u-1');
    expect(refusal('null').uid).toBeUndefined();
  });

  it.each(['', '{', '\u0000', '{"apiVersion": '])('that is no JSON is refused: %j', (body) => {
    expect(refusal(body).message).toBe('not JSON');
  });

  it('is read whatever its depth and keys', () => {
    const deep = `${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}`;
    const text = reviewOf(POD_REQUEST)
      .toString()
      .replace('{"kind":"Pod"}', `{"__proto__": {"polluted": true}, "d": ${deep}}`);
    const { object } = parseAdmissionReview(Buffer.from(text));
    expect(Object.keys(object ?? {})).toEqual(['__proto__', 'd']);
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
  });

  it('with duplicate keys is read as the API server reads it: the last one counts', () => {
    const text = reviewOf(POD_REQUEST)
      .toString()
      .replace('"namespace":"kube-system"', '"namespace":"default","namespace":"kube-system"');
    expect(parseAdmissionReview(Buffer.from(text)).namespace).toBe('kube-system');
  });
});

describeWithCorpus('reviews of other projects', () => {
  const connaisseur = corpusFiles('admission/connaisseur', '.json');
  const isWhole = (review: any) =>
    review?.apiVersion === 'admission.k8s.io/v1' &&
    review.kind === 'AdmissionReview' &&
    [
      review.request?.uid,
      review.request?.operation,
      review.request?.userInfo,
      review.request?.resource?.version,
    ].every(Boolean);

  it('are 48 and 59', () => {
    expect([connaisseur.length, corpusLines('admission/kube-audit-rest/kube-audit-rest.log').length]).toEqual(
      [48, 59],
    );
  });

  it.each(connaisseur)('%s is read if it is a whole v1 review, else refused with a reason', (file) => {
    const body = Buffer.from(corpusText(file));
    const review = JSON.parse(body.toString());
    if (isWhole(review)) expect(parseAdmissionReview(body).uid).toBe(review.request.uid);
    else expect(refusal(body).message).not.toBe('');
  });

  it('of a k3s are all read', () => {
    for (const review of corpusLines('admission/kube-audit-rest/kube-audit-rest.log') as any[]) {
      expect(parseAdmissionReview(Buffer.from(JSON.stringify(review))).uid).toBe(review.request.uid);
    }
  });

  /** Two are no requests at all, three have neither resource nor user: no API server sends such. */
  const fragments = /raw-mutation-wasi-policy|runtime-enforcer-policy/;

  it.each(corpusFiles('admission/kubewarden', '.json'))(
    '%s is refused bare, and read when wrapped',
    (file) => {
      const request = JSON.parse(corpusText(file));
      expect(refusal(JSON.stringify(request)).message).toMatch(
        /^expected admission.k8s.io\/v1 AdmissionReview/,
      );
      if (fragments.test(file)) expect(refusal(reviewOf(request)).path).toMatch(/^request\./);
      else expect(parseAdmissionReview(reviewOf(request)).uid).toBe(request.uid);
    },
  );
});
