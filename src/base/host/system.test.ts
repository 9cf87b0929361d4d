import { runtimeConformance } from "./conformance.ts";
import { SystemRuntime } from "./system.ts";

// A timer of the system does not keep the process alive, but a test that waits for one must go on.
runtimeConformance("system", () => ({
  runtime: new SystemRuntime(),
  run: async (body) => {
    const awake = setInterval(() => undefined, 1_000);
    try {
      return await body();
    } finally {
      clearInterval(awake);
    }
  },
}));
