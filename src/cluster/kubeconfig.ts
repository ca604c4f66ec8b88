import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';

/**
 * For people's commands, which cluster: what was named; else $KUBECONFIG (of several files the first that is there); else,
 * in a pod, undefined, which is its service account; else what kubectl takes.
 */
export function kubeconfigOf(
  named: string | undefined,
  env: Readonly<Record<string, string | undefined>>,
): string | undefined {
  if (named !== undefined) return named;
  const files = (env['KUBECONFIG'] ?? '').split(delimiter).filter((file) => file !== '');
  if (files.length > 0) return files.find((file) => existsSync(file)) ?? files[0];
  if (env['KUBERNETES_SERVICE_HOST'] !== undefined) return undefined;
  return join(homedir(), '.kube/config');
}
