import { join } from 'node:path';
import { describe } from '@jest/globals';

const { KUBEBUILDER_ASSETS: assets } = process.env;

export const kubectl = join(assets ?? '', 'kubectl');

/** A suite that needs kubectl, reported as skipped, with the reason, where there is none. */
export function describeWithKubectl(name: string, body: () => void): void {
  if (assets !== undefined) describe(name, body);
  else describe.skip(`${name} (skipped: KUBEBUILDER_ASSETS names no directory with a kubectl)`, body);
}
