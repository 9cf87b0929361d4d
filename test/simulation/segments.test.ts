import { fastCut, isAboutSegments } from "./fast-cut.ts";

fastCut("simulation of deletes, views and compactions", isAboutSegments);
