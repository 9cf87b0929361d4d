/** Values of filter templates, from the wire's shape to the filter language's. */

import { type MessageShape, toBinary } from "@bufbuild/protobuf";
import type { TemplateValue, TemplateValues } from "../../expr/templates.ts";
import { TemplateValueSchema } from "../wire/generated/schema_pb.js";
import { WireReader } from "../wire/reader.ts";
import { type TemplateArray, type TemplateValue as WireValue, decodeTemplateValue } from "../wire/template-value.ts";

export function templateValues(values: ReadonlyMap<string, WireValue>): TemplateValues {
  return new Map([...values].map(([name, value]) => [name, templateValue(value)]));
}

/** From the generated messages, through their bytes: there is one place that knows what they mean. */
export function generatedTemplateValues(
  values: Readonly<Record<string, MessageShape<typeof TemplateValueSchema>>>,
): TemplateValues {
  return new Map(
    Object.entries(values).map(([name, message]) => [
      name,
      templateValue(decodeTemplateValue(new WireReader(toBinary(TemplateValueSchema, message)))),
    ]),
  );
}

function templateValue(value: WireValue): TemplateValue {
  switch (value.kind) {
    case "none":
      return null;
    case "array":
      return templateArray(value.value);
    default:
      return value.value;
  }
}

function templateArray(array: TemplateArray): readonly TemplateValue[] {
  switch (array.kind) {
    case "none":
      return [];
    case "array":
      return array.values.map(templateArray);
    default:
      return [...array.values];
  }
}
