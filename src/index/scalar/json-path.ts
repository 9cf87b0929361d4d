/**
 * The parameters of an index over documents: `json_path` names a place as the filter language does (`meta["a"]["b"]`, or `a["b"]` in the
 * dynamic field), `json_cast_type` what its values are taken for. AUTOINDEX need not say it, and then takes all there is.
 */

import { invalidParameter, milvusError } from "../../base/errors.ts";
import type { FieldSchema } from "../../model/schema.ts";
import type { CastType } from "./json-place.ts";

export interface IndexedPlace {
  /** Keys from the root of the document. */
  readonly path: readonly string[];
  /** `JSON`: whatever stands there and below. */
  readonly castType: CastType | "JSON";
  /** The elements of arrays there. */
  readonly isArray: boolean;
  /** Texts that are numbers count as these. Absent: they are texts. */
  readonly cast?: "STRING_TO_DOUBLE";
}

const CASTS: Readonly<Record<string, Pick<IndexedPlace, "castType" | "isArray">>> = {
  BOOL: { castType: "BOOL", isArray: false },
  DOUBLE: { castType: "DOUBLE", isArray: false },
  VARCHAR: { castType: "VARCHAR", isArray: false },
  ARRAY_BOOL: { castType: "BOOL", isArray: true },
  ARRAY_DOUBLE: { castType: "DOUBLE", isArray: true },
  ARRAY_VARCHAR: { castType: "VARCHAR", isArray: true },
  JSON: { castType: "JSON", isArray: false },
};

/** @throws 1101 without a cast type, 1100 for one or a function that is none, and for a path that is none or leads out of the field. */
export function indexedPlace(field: FieldSchema, params: ReadonlyMap<string, string>): IndexedPlace {
  const given = params.get("json_cast_type") ?? "";
  const isFree = params.get("index_type") === "AUTOINDEX" && (params.get("json_cast_function") ?? "") === "";
  const cast = given === "" && isFree ? "JSON" : given;
  if (cast === "") throw milvusError("ParameterMissing", "json index must specify cast type");
  const known = CASTS[cast.toUpperCase()];
  if (known === undefined) {
    throw invalidParameter(
      `json_cast_type ${cast} is not supported, it should be one of ${Object.keys(CASTS).join(", ")}`,
    );
  }
  const path = jsonPath(field, params.get("json_path") ?? field.name);
  const castFunction = params.get("json_cast_function") ?? "";
  if (castFunction === "") return { path, ...known };
  if (castFunction.toUpperCase() !== "STRING_TO_DOUBLE") {
    throw invalidParameter(`json_cast_function ${castFunction} is not supported, it should be STRING_TO_DOUBLE`);
  }
  if (known.castType !== "DOUBLE" || known.isArray) {
    throw invalidParameter(`json_cast_function STRING_TO_DOUBLE gives DOUBLE, and json_cast_type is ${cast}`);
  }
  return { path, ...known, cast: "STRING_TO_DOUBLE" };
}

/** A name, then keys in brackets: quoted, or the index of an element. */
function jsonPath(field: FieldSchema, text: string): string[] {
  const name = /^\s*([A-Za-z_$][\w$]*)/.exec(text);
  if (name === null) throw invalidParameter(`json_path ${text} does not begin with the name of a field`);
  const path: string[] = [];
  for (let at = name[0].length; at < text.length;) {
    const rest = text.slice(at);
    const key = /^\s*\[\s*("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|\d+)\s*\]\s*/.exec(rest);
    if (key === null) throw invalidParameter(`json_path ${text} cannot be read from ${rest}`);
    path.push(keyOf(key[1]!));
    at += key[0].length;
  }
  if (name[1] === field.name) return path;
  if (field.isDynamic) return [name[1]!, ...path];
  throw invalidParameter(`json_path ${text} is not a place in field ${field.name}`);
}

function keyOf(token: string): string {
  if (!token.startsWith('"') && !token.startsWith("'")) return token;
  return token.slice(1, -1).replace(/\\(.)/g, "$1");
}
