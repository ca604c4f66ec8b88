/** `guard.sigma-admission.svc` is called guard. */
export function shortName(name: string): string {
  return name.replace(/\.sigma-admission\.svc$/, '');
}
