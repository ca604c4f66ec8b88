import { describe } from '@jest/globals';
import {
  attachControlPlane,
  hasPrograms,
  HOW_TO_GET_THE_PROGRAMS,
} from '../../control-plane/control-plane.ts';
import type { ControlPlane } from '../../control-plane/control-plane.ts';
import type { ProgramName } from '../../control-plane/program-flags.ts';
import { SHARED_CONTROL_PLANE } from './shared-control-plane.ts';

/**
 * `describe` with the control plane of the whole suite, on which a kubelet stands in for `node1`. Where there is none, or
 * one of the programs it `needs` is missing, the tests are skipped and the title says why.
 */
export function describeWithControlPlane(
  name: string,
  body: (controlPlane: ControlPlane) => void,
  needs: readonly ProgramName[] = [],
): void {
  describeWithPrograms(name, () => body(sharedControlPlane()), needs);
}

/** `describe` for tests that start control planes of their own. */
export function describeWithPrograms(
  name: string,
  body: () => void,
  needs: readonly ProgramName[] = [],
): void {
  const missing = reasonToSkip(needs);
  const suite = missing === undefined ? describe : describe.skip;
  suite(missing === undefined ? name : `${name} (skipped: ${missing})`, body);
}

function reasonToSkip(needs: readonly ProgramName[]): string | undefined {
  if (!hasPrograms('etcd', 'kube-apiserver', 'kubectl')) return HOW_TO_GET_THE_PROGRAMS;
  const missing = needs.filter((program) => !hasPrograms(program));
  return missing.length === 0 ? undefined : `KUBEBUILDER_ASSETS has no ${missing.join(', ')}`;
}

function sharedControlPlane(): ControlPlane {
  const directory = process.env[SHARED_CONTROL_PLANE];
  return directory === undefined ? ABSENT : attachControlPlane(directory);
}

/** Skipped tests are read, too. They have nothing to ask. */
const ABSENT = new Proxy({} as ControlPlane, {
  get(_, property) {
    if (property === 'has') return () => false;
    return () => {
      throw new Error(`there is no control plane: ${HOW_TO_GET_THE_PROGRAMS}`);
    };
  },
});
