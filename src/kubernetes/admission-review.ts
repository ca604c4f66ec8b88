import type { UserInfo } from './user-info.ts';

export interface GroupVersionKind {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
}

export interface GroupVersionResource {
  readonly group: string;
  readonly version: string;
  readonly resource: string;
}

export const OPERATIONS = ['CREATE', 'UPDATE', 'DELETE', 'CONNECT'] as const;
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
  readonly subResource?: string;
  readonly requestKind: GroupVersionKind;
  readonly requestResource: GroupVersionResource;
  readonly requestSubResource?: string;
  /** Generated names are already filled in; absent for the items of a deletecollection. */
  readonly name?: string;
  /** Absent for cluster-scoped objects; for a Namespace, its own name. */
  readonly namespace?: string;
  readonly operation: Operation;
  readonly userInfo: UserInfo;
  readonly object?: KubernetesObject;
  readonly oldObject?: KubernetesObject;
  readonly dryRun: boolean;
  readonly options?: KubernetesObject;
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
  /** Where in the review: `request.uid`. */
  readonly path: string;
  /** The request's uid, where it could still be read. */
  readonly uid: string | undefined;

  constructor(path: string, problem: string, uid?: string) {
    super(path === '' ? problem : `${path}: ${problem}`);
    this.path = path;
    this.uid = uid;
  }
}
