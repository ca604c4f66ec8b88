/** Who asks (authentication.k8s.io/v1 UserInfo), as admission and the audit log both show it. Empty fields are omitted. */
export interface UserInfo {
  readonly username?: string;
  readonly uid?: string;
  readonly groups?: readonly string[];
  readonly extra?: Readonly<Record<string, readonly string[]>>;
}
