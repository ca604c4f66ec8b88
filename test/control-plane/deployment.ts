import { startBalancer } from './balancer.ts';
import type { ControlPlane } from './control-plane.ts';
import { eventually } from '../lib/eventually.ts';
import { startReplica, type Replica, type ReplicaOptions } from './replica.ts';

/** Our Deployment and its Service, as processes of this machine: what kubelets, controllers and kube-proxy would do for them. */
export interface Deployment {
  /** The Service's, before all replicas. */
  readonly port: number;
  readonly replicas: readonly Replica[];
  /** Ends all that are still there. */
  scaleToZero(): Promise<void>;
  /** Replaces them all at once by new ones. */
  replace(options?: ReplicaOptions): Promise<void>;
  /** Replaces one after another, as a rollout does: one goes when its successor is ready. */
  rollOut(options?: ReplicaOptions): Promise<void>;
  /** Resolves when each says that it is ready. */
  ready(): Promise<void>;
  stop(): Promise<void>;
}

/**
 * The Service leads to so many replicas of the Deployment that is in the cluster, when they are ready. The first `replace`
 * starts them.
 */
export async function startDeployment(controlPlane: ControlPlane, count: number): Promise<Deployment> {
  const balancer = await startBalancer();
  let options: ReplicaOptions = {};
  let replicas: readonly Replica[] = [];

  async function started(): Promise<Replica> {
    const replica = await startReplica(controlPlane, options);
    await eventually('a replica is ready', () => isReady(replica));
    return replica;
  }
  function route(): void {
    balancer.route(replicas.map(({ port }) => port));
  }

  async function scaleToZero(): Promise<void> {
    const old = replicas;
    replicas = [];
    route();
    await Promise.all(old.map((replica) => replica.stop()));
  }

  return {
    port: balancer.port,
    get replicas() {
      return replicas;
    },
    scaleToZero,
    async replace(next = options) {
      options = next;
      await scaleToZero();
      replicas = await Promise.all(Array.from({ length: count }, started));
      route();
    },
    async rollOut(next = options) {
      options = next;
      for (const old of replicas) {
        replicas = [...replicas, await started()];
        route();
        await retire(old, () => {
          replicas = replicas.filter((replica) => replica !== old);
          route();
        });
      }
    },
    async ready() {
      await eventually('every replica is ready', async () =>
        (await Promise.all(replicas.map(isReady))).every(Boolean),
      );
    },
    async stop() {
      await Promise.all(replicas.map((replica) => replica.stop()));
      await balancer.close();
    },
  };
}

/** An endpoint is taken out when it is seen to be ready no more, which is some time after it was asked to stop. */
async function retire(replica: Replica, takeOut: () => void): Promise<void> {
  const gone = replica.stop();
  await Promise.race([gone, eventually('it is ready no more', async () => !(await isReady(replica)))]);
  takeOut();
  await gone;
}

async function isReady(replica: Replica): Promise<boolean> {
  const said = await replica.readyz().catch(() => 'no answer');
  return said.trimEnd().endsWith('readyz check passed');
}
