import { loadKernel } from "../load.ts";
import { kernelConformance } from "../conformance.ts";

kernelConformance("twin", () => loadKernel({ prefer: "twin" }), 20_000);
