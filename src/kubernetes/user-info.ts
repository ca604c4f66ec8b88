/** Who asks (authentication.k8s.io/v1 UserInfo), as admission and the audit log both show it. Empty fields are omitted. */
export interface UserInfo {
  readonly username?: string | undefined;
  readonly uid?: string | undefined;
  readonly groups?: readonly string[] | undefined;
  readonly extra?: Readonly<Record<string, readonly string[]>> | undefined;
}
