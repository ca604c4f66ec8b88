import { escapeUnseen } from '../io/text.ts';
import { isObject } from './as-object.ts';
import type { UserInfo } from './user-info.ts';

interface GroupVersionKind {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
}

interface GroupVersionResource {
  readonly group: string;
  readonly version: string;
  readonly resource: string;
}

const OPERATIONS = ['CREATE', 'UPDATE', 'DELETE', 'CONNECT'] as const;
export type Operation = (typeof OPERATIONS)[number];

/** A Kubernetes object as JSON gives it. */
export type KubernetesObject = Readonly<Record<string, unknown>>;

/**
 * What the API server asks (admission.k8s.io/v1). `requestKind`, `requestResource` and `requestSubResource` are what
 * the client sent; `kind`, `resource` and `subResource` may be another version of it (matchPolicy Equivalent).
 */
export interface AdmissionRequest {
  readonly uid: string;
  readonly kind: GroupVersionKind;
  readonly resource: GroupVersionResource;
  readonly subResource?: string | undefined;
  readonly requestKind: GroupVersionKind;
  readonly requestResource: GroupVersionResource;
  readonly requestSubResource?: string | undefined;
  /** Generated names are already filled in; absent for the items of a deletecollection. */
  readonly name?: string | undefined;
  /** Absent for cluster-scoped objects; for a Namespace, its own name. */
  readonly namespace?: string | undefined;
  readonly operation: Operation;
  readonly userInfo: UserInfo;
  readonly object?: KubernetesObject | undefined;
  readonly oldObject?: KubernetesObject | undefined;
  readonly dryRun: boolean;
  readonly options?: KubernetesObject | undefined;
}

/** What we answer. Never a patch: the API server rejects one from a validating webhook. */
export interface AdmissionResponse {
  readonly uid: string;
  readonly allowed: boolean;
  readonly status?: { readonly code: number; readonly reason: string; readonly message: string };
  readonly warnings?: readonly string[];
  readonly auditAnnotations?: Readonly<Record<string, string>>;
}

export interface AdmissionReview {
  readonly apiVersion: 'admission.k8s.io/v1';
  readonly kind: 'AdmissionReview';
  readonly response: AdmissionResponse;
}

/** The body is not an AdmissionReview v1 we can read. Answered with HTTP 400, so that failurePolicy decides. */
export class InvalidReview extends Error {
  override readonly name = 'InvalidReview';
  /** Where in the review: `request.uid`; empty for the body itself. */
  readonly path: string;
  readonly problem: string;
  /** The request's uid, where it could still be read. */
  readonly uid: string | undefined;

  constructor(path: string, problem: string, uid?: string) {
    super(path === '' ? problem : `${path}: ${problem}`);
    this.path = path;
    this.problem = problem;
    this.uid = uid;
  }
}

/** Reads the body of an AdmissionReview v1 request, or throws InvalidReview naming the first thing that is wrong. */
export function parseAdmissionReview(body: Buffer): AdmissionRequest {
  return readAdmissionReview(parseJson(body));
}

/** Reads an AdmissionReview v1 request that was parsed already, or throws InvalidReview. */
export function readAdmissionReview(value: unknown): AdmissionRequest {
  const review = asObject(value, '');
  if (review['apiVersion'] !== 'admission.k8s.io/v1' || review['kind'] !== 'AdmissionReview') {
    const found = `${describeValue(review['apiVersion'])} ${describeValue(review['kind'])}`;
    throw new InvalidReview('', `expected admission.k8s.io/v1 AdmissionReview, got ${found}`);
  }
  const request = asObject(review['request'], 'request');
  const uid = asText(request['uid'], 'request.uid');
  try {
    return admissionRequest(request, uid);
  } catch (error) {
    throw error instanceof InvalidReview ? new InvalidReview(error.path, error.problem, uid) : error;
  }
}

function admissionRequest(request: KubernetesObject, uid: string): AdmissionRequest {
  const kind = groupVersion(request['kind'], 'request.kind', 'kind');
  const resource = groupVersion(request['resource'], 'request.resource', 'resource');
  const subResource = optionalText(request['subResource'], 'request.subResource');
  const asSent = isAbsent(request['requestResource'])
    ? { requestKind: kind, requestResource: resource, requestSubResource: subResource }
    : {
        requestKind: isAbsent(request['requestKind'])
          ? kind
          : groupVersion(request['requestKind'], 'request.requestKind', 'kind'),
        requestResource: groupVersion(request['requestResource'], 'request.requestResource', 'resource'),
        requestSubResource: optionalText(request['requestSubResource'], 'request.requestSubResource'),
      };
  const operation = OPERATIONS.find((known) => known === request['operation']);
  if (operation === undefined) {
    throw new InvalidReview(
      'request.operation',
      `expected one of ${OPERATIONS.join(', ')}, got ${describeValue(request['operation'])}`,
    );
  }
  return {
    uid,
    kind,
    resource,
    subResource,
    ...asSent,
    name: isPods(resource)
      ? optionalName(request['name'], 'request.name')
      : optionalText(request['name'], 'request.name'),
    namespace: optionalName(request['namespace'], 'request.namespace'),
    operation,
    userInfo: userInfo(request['userInfo']),
    object: optionalObject(request['object'], 'request.object'),
    oldObject: optionalObject(request['oldObject'], 'request.oldObject'),
    dryRun: isAbsent(request['dryRun']) ? false : asBoolean(request['dryRun'], 'request.dryRun'),
    options: optionalObject(request['options'], 'request.options'),
  };
}

function userInfo(value: unknown): UserInfo {
  const user = asObject(value, 'request.userInfo');
  return {
    username: optionalText(user['username'], 'request.userInfo.username'),
    uid: optionalText(user['uid'], 'request.userInfo.uid'),
    groups: isAbsent(user['groups'])
      ? undefined
      : atMost(MAX_GROUPS, texts(user['groups'], 'request.userInfo.groups'), 'request.userInfo.groups'),
    extra: isAbsent(user['extra']) ? undefined : extra(user['extra']),
  };
}

function extra(value: unknown): Record<string, readonly string[]> {
  const path = 'request.userInfo.extra';
  return Object.fromEntries(
    atMost(MAX_EXTRA, Object.entries(asObject(value, path)), path).map(([key, values]) => [
      key,
      texts(values, `${path}[${describeValue(key)}]`),
    ]),
  );
}

/** An authenticator that gives more could hardly be asked: its answer or its certificate would be over 100 KB. */
const MAX_GROUPS = 4096;
const MAX_EXTRA = 4096;

/** Never a shorter list: what is left out might be what a rule or filter asks for. */
function atMost<T>(limit: number, list: readonly T[], path: string): readonly T[] {
  if (list.length <= limit) return list;
  throw new InvalidReview(path, `expected at most ${limit}, got ${list.length}`);
}

/**
 * A DNS subdomain, which is the longest that the API server lets the name of a pod or namespace be. A role's may be longer:
 * refused, it would pass unjudged where `failurePolicy` is Ignore.
 */
const MAX_NAME = 253;

function isPods({ group, resource }: GroupVersionResource): boolean {
  return group === '' && resource === 'pods';
}

function optionalName(value: unknown, path: string): string | undefined {
  const name = optionalText(value, path);
  if (name === undefined || name.length <= MAX_NAME) return name;
  throw new InvalidReview(path, `expected at most ${MAX_NAME} characters, got ${name.length}`);
}

function groupVersion<Name extends 'kind' | 'resource'>(value: unknown, path: string, name: Name) {
  const object = asObject(value, path);
  return {
    group: optionalText(object['group'], `${path}.group`) ?? '',
    version: asText(object['version'], `${path}.version`),
    [name]: asText(object[name], `${path}.${name}`),
  } as Record<'group' | 'version' | Name, string>;
}

/** The parser's own message would quote the body, which may be a Secret's. */
function parseJson(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    throw new InvalidReview('', 'not JSON');
  }
}

function asObject(value: unknown, path: string): KubernetesObject {
  if (isObject(value)) return value;
  throw new InvalidReview(path, `expected an object, got ${describeValue(value)}`);
}

function asText(value: unknown, path: string): string {
  if (typeof value === 'string' && value !== '') return value;
  throw new InvalidReview(path, `expected a non-empty string, got ${describeValue(value)}`);
}

function asBoolean(value: unknown, path: string): boolean {
  if (typeof value === 'boolean') return value;
  throw new InvalidReview(path, `expected a boolean, got ${describeValue(value)}`);
}

function texts(value: unknown, path: string): readonly string[] {
  if (Array.isArray(value) && value.every((member) => typeof member === 'string')) return value;
  throw new InvalidReview(path, `expected a list of strings, got ${describeValue(value)}`);
}

/** Empty is absent: Go omits empty strings. */
function optionalText(value: unknown, path: string): string | undefined {
  return isAbsent(value) || value === '' ? undefined : asText(value, path);
}

function optionalObject(value: unknown, path: string): KubernetesObject | undefined {
  return isAbsent(value) ? undefined : asObject(value, path);
}

function isAbsent(value: unknown): value is null | undefined {
  return value === undefined || value === null;
}

/** A value that was not expected, short enough for a message. An object is never shown: it may be a Secret. */
function describeValue(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object' && value !== null) return 'an object';
  return escapeUnseen(JSON.stringify(typeof value === 'string' ? value.slice(0, 64) : value));
}
