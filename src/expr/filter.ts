/** The door of the filter language: text, schema and template values in, typed filter out. */

import type { Filter } from "../model/filter.ts";
import type { CollectionSchema } from "../model/schema.ts";
import { DEFAULT_TIME_ZONE } from "../model/timestamptz.ts";
import { parseSyntax } from "./parser.ts";
import type { TemplateValues } from "./templates.ts";
import { Typing } from "./typing.ts";

const NO_TEMPLATES: TemplateValues = new Map();

/**
 * Null for an empty text. Throws a `MilvusError` of code 1100 whose message is the bare reason; `planError` makes the sentence
 * that a request answers.
 */
export function parseFilter(
  text: string,
  schema: CollectionSchema,
  templates: TemplateValues = NO_TEMPLATES,
  timeZone: string = DEFAULT_TIME_ZONE,
): Filter | null {
  if (text.trim() === "") return null;
  return new Typing(text, schema, templates, timeZone).predicate(parseSyntax(text));
}
