import {
  HOW_TO_GET_THE_PROGRAMS,
  hasPrograms,
  startControlPlane,
} from '../../control-plane/control-plane.ts';
import { startKubelets } from './kubelet.ts';

/** The environment variable that says where the control plane of the whole suite is. */
export const SHARED_CONTROL_PLANE = 'SIGMA_ADMISSION_E2E_CONTROL_PLANE';

/** Starts it, if the programs are there; what it gives stops it. */
export async function startSharedControlPlane(): Promise<() => Promise<void>> {
  if (!hasPrograms('etcd', 'kube-apiserver', 'kubectl')) {
    process.stderr.write(`end-to-end tests are skipped: ${HOW_TO_GET_THE_PROGRAMS}\n`);
    return async () => {};
  }
  const controlPlane = await startControlPlane();
  const kubelets = await startKubelets(controlPlane, ['node1']);
  process.env[SHARED_CONTROL_PLANE] = controlPlane.directory;
  return async () => {
    await kubelets.stop();
    await controlPlane.stop();
  };
}
