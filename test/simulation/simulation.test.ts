import { fastCut, isAboutSegments } from "./fast-cut.ts";

fastCut("simulation of logs, flushes, schemas and everything at once", (scenario) => !isAboutSegments(scenario));
