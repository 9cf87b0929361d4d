import { kernelConformance } from "../conformance.ts";
import { elementConformance } from "../element-conformance.ts";
import { loadKernel } from "../load.ts";

kernelConformance("twin", () => loadKernel({ prefer: "twin" }), 20_000);
elementConformance("twin", () => loadKernel({ prefer: "twin" }));
