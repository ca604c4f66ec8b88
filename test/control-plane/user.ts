/** Who asks: a client certificate's subject (CN and Os), or the bearer of a token. */
export type User =
  { readonly name: string; readonly groups?: readonly string[] } | { readonly token: string };

/** May do everything, by the group that no RBAC rule can take it from. */
export const ADMIN: User = { name: 'admin', groups: ['system:masters'] };

/** The kubelet of a node. */
export function nodeUser(node: string): User {
  return { name: `system:node:${node}`, groups: ['system:nodes'] };
}
