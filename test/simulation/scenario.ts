/** Running one scenario under one seed: twice, so that it is known to be repeatable. */

import { Cluster, type ClusterOptions } from "./cluster.ts";
import { SimulatedRuntime } from "./runtime.ts";
import { Workload } from "./workload.ts";

export interface Scenario {
  readonly name: string;
  /** The fault, and what must hold. */
  readonly about: string;
  readonly options?: ClusterOptions;
  run(workload: Workload, cluster: Cluster): Promise<void>;
}

export interface Outcome {
  readonly digest: string;
  readonly events: number;
  readonly operations: number;
  readonly crashes: number;
}

export class ScenarioFailed extends Error {
  override readonly name = "ScenarioFailed";
}

/** The command that shows a failure again. */
export function repeatCommand(scenario: string, seed: number): string {
  return `npm run sim -- --scenario ${scenario} --from ${seed} --seeds 1`;
}

export async function runScenario(scenario: Scenario, seed: number): Promise<Outcome> {
  const world = new SimulatedRuntime(seed);
  const cluster = new Cluster(world, scenario.options);
  const workload = new Workload(cluster);
  try {
    await world.run(async () => {
      await scenario.run(workload, cluster);
      await workload.settle();
    });
  } catch (error) {
    const reason = error instanceof Error ? (error.stack ?? error.message) : String(error);
    const lines = cluster.lines.slice(-10).map((line) => `    ${line}`);
    throw new ScenarioFailed(
      [
        `scenario ${scenario.name}, seed ${seed}: ${reason}`,
        ...lines,
        `  again: ${repeatCommand(scenario.name, seed)}`,
      ].join("\n"),
    );
  }
  const { operations } = workload;
  return { digest: world.hash.digest(), events: world.hash.events, operations, crashes: cluster.crashes };
}

/** Both runs must tell the same story. */
export async function runTwice(scenario: Scenario, seed: number): Promise<Outcome> {
  const first = await runScenario(scenario, seed);
  const second = await runScenario(scenario, seed);
  if (first.digest !== second.digest) {
    throw new ScenarioFailed(
      `scenario ${scenario.name}, seed ${seed} went two ways: ${first.digest} after ${first.events} events, ${second.digest} after ${second.events}\n  again: ${repeatCommand(scenario.name, seed)}`,
    );
  }
  return first;
}
