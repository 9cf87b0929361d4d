/**
 * Turns the protobufjs JSON form of a set of proto3 packages into FileDescriptorProtos, one file a package.
 *
 * Always true: every type name is written fully qualified (`.package.Type`), every file comes after the files that it imports,
 * and whatever this translation does not know is an error, never left out in silence.
 *
 * Left out on purpose: options that only other languages read (`java_package`…) and `deprecated` marks; a server has to fill
 * deprecated fields for old clients. Custom options of messages are kept as unknown fields of `MessageOptions`, which is how a
 * compiler hands them on.
 */

import { create } from "@bufbuild/protobuf";
import { BinaryWriter } from "@bufbuild/protobuf/wire";
import {
  DescriptorProtoSchema,
  EnumDescriptorProtoSchema,
  FieldDescriptorProto_Label as Label,
  FieldDescriptorProto_Type as Type,
  FieldDescriptorProtoSchema,
  FileDescriptorProtoSchema,
  MessageOptionsSchema,
  ServiceDescriptorProtoSchema,
  file_google_protobuf_descriptor,
} from "@bufbuild/protobuf/wkt";

const SCALARS = new Map([
  ["double", Type.DOUBLE],
  ["float", Type.FLOAT],
  ["int64", Type.INT64],
  ["uint64", Type.UINT64],
  ["int32", Type.INT32],
  ["fixed64", Type.FIXED64],
  ["fixed32", Type.FIXED32],
  ["bool", Type.BOOL],
  ["string", Type.STRING],
  ["bytes", Type.BYTES],
  ["uint32", Type.UINT32],
  ["sfixed32", Type.SFIXED32],
  ["sfixed64", Type.SFIXED64],
  ["sint32", Type.SINT32],
  ["sint64", Type.SINT64],
]);

const DESCRIPTOR_FILE = "google/protobuf/descriptor.proto";

/**
 * `root`: the JSON namespace; `base`: the dotted name of the namespace whose children are the packages. Returns the files in
 * the order of their dependencies, descriptor.proto first.
 */
export function descriptorSet(root, base) {
  const packages = lookup(root, base).nested;
  const kinds = collectTypes(packages, base);
  const files = new Map();
  for (const name of Object.keys(packages)) files.set(name, new FileBuilder(name, `${base}.${name}`, kinds));
  for (const [name, file] of files) file.fill(packages[name].nested);
  return [file_google_protobuf_descriptor.proto, ...inOrder(files)];
}

function lookup(root, dotted) {
  let node = root;
  for (const part of dotted.split(".")) {
    node = node?.nested?.[part];
    if (node === undefined) throw new Error(`the descriptor has no namespace ${dotted}`);
  }
  return node;
}

/** Full name → {kind, node, file}, for every message, enum and extension below the packages. */
function collectTypes(packages, base) {
  const kinds = new Map();
  const walk = (nested, scope, file) => {
    for (const [name, node] of Object.entries(nested ?? {})) {
      const full = `${scope}.${name}`;
      const kind = kindOf(node, full);
      kinds.set(full, { kind, node, file });
      if (kind === "message") walk(node.nested, full, file);
    }
  };
  for (const [name, node] of Object.entries(packages)) walk(node.nested, `${base}.${name}`, name);
  return kinds;
}

function kindOf(node, full) {
  if (node.fields !== undefined && node.extend === undefined) return "message";
  if (node.values !== undefined) return "enum";
  if (node.methods !== undefined) return "service";
  if (node.extend !== undefined) return "extension";
  throw new Error(`${full}: neither message, enum, service nor extension`);
}

function inOrder(files) {
  const done = new Set();
  const ordered = [];
  const visit = (name, trail) => {
    if (done.has(name)) return;
    if (trail.includes(name)) throw new Error(`packages import each other: ${[...trail, name].join(" → ")}`);
    const file = files.get(name);
    for (const imported of file.imports)
      if (imported !== DESCRIPTOR_FILE) visit(imported.replace(/\.proto$/, ""), [...trail, name]);
    done.add(name);
    ordered.push(file.proto());
  };
  for (const name of files.keys()) visit(name, []);
  return ordered;
}

class FileBuilder {
  imports = new Set();
  #name;
  #package;
  #kinds;
  #messages = [];
  #enums = [];
  #services = [];
  #extensions = [];

  constructor(name, packageName, kinds) {
    this.#name = name;
    this.#package = packageName;
    this.#kinds = kinds;
  }

  proto() {
    return create(FileDescriptorProtoSchema, {
      name: `${this.#name}.proto`,
      package: this.#package,
      syntax: "proto3",
      dependency: [...this.imports].toSorted(),
      messageType: this.#messages,
      enumType: this.#enums,
      service: this.#services,
      extension: this.#extensions,
    });
  }

  fill(nested) {
    for (const [name, node] of Object.entries(nested)) {
      const full = `${this.#package}.${name}`;
      const kind = kindOf(node, full);
      if (kind === "message") this.#messages.push(this.#message(name, node, full));
      else if (kind === "enum") this.#enums.push(enumeration(name, node));
      else if (kind === "service") this.#services.push(this.#service(name, node));
      else this.#extensions.push(this.#extension(name, node));
    }
  }

  #message(name, node, full) {
    const fields = Object.entries(node.fields);
    const oneofs = Object.entries(node.oneofs ?? {});
    // A synthetic oneof stands for one `optional` field and must come after the real ones.
    const synthetic = ([, { oneof }]) => oneof.length === 1 && node.fields[oneof[0]].options?.proto3_optional === true;
    const ordered = [...oneofs.filter((entry) => !synthetic(entry)), ...oneofs.filter(synthetic)];
    const message = create(DescriptorProtoSchema, { name, oneofDecl: ordered.map(([name]) => ({ name })) });
    for (const [fieldName, field] of fields) {
      const oneofIndex = ordered.findIndex(([, { oneof }]) => oneof.includes(fieldName));
      message.field.push(this.#field(fieldName, field, full, message, oneofIndex));
    }
    for (const [childName, child] of Object.entries(node.nested ?? {})) {
      const childFull = `${full}.${childName}`;
      if (kindOf(child, childFull) === "enum") message.enumType.push(enumeration(childName, child));
      else message.nestedType.push(this.#message(childName, child, childFull));
    }
    message.options = this.#messageOptions(node.options ?? {}, full);
    return message;
  }

  #field(name, node, scope, message, oneofIndex) {
    if (node.rule !== undefined && node.rule !== "repeated") throw new Error(`${scope}.${name}: rule ${node.rule}`);
    const repeated = node.rule === "repeated" || node.keyType !== undefined;
    const field = create(FieldDescriptorProtoSchema, {
      name,
      number: node.id,
      label: repeated ? Label.REPEATED : Label.OPTIONAL,
    });
    if (node.keyType === undefined) {
      Object.assign(field, this.#type(node.type, scope));
    } else {
      const entry = `${name
        .split("_")
        .map((part) => part.charAt(0).toUpperCase() + part.slice(1))
        .join("")}Entry`;
      message.nestedType.push(this.#mapEntry(entry, node, scope));
      field.type = Type.MESSAGE;
      field.typeName = `.${scope}.${entry}`;
    }
    if (oneofIndex >= 0) field.oneofIndex = oneofIndex;
    if (node.options?.proto3_optional === true) field.proto3Optional = true;
    return field;
  }

  #mapEntry(name, node, scope) {
    return create(DescriptorProtoSchema, {
      name,
      field: [
        { name: "key", number: 1, label: Label.OPTIONAL, ...this.#type(node.keyType, scope) },
        { name: "value", number: 2, label: Label.OPTIONAL, ...this.#type(node.type, scope) },
      ],
      options: { mapEntry: true },
    });
  }

  #type(name, scope) {
    const scalar = SCALARS.get(name);
    if (scalar !== undefined) return { type: scalar };
    const full = this.#resolve(name, scope);
    return { type: this.#kinds.get(full).kind === "enum" ? Type.ENUM : Type.MESSAGE, typeName: `.${full}` };
  }

  /** Innermost scope first, as protobuf does. */
  #resolve(name, scope) {
    if (name.startsWith(".")) return this.#imported(name.slice(1));
    for (let prefix = scope; ; prefix = prefix.slice(0, prefix.lastIndexOf("."))) {
      const full = `${prefix}.${name}`;
      if (this.#kinds.has(full)) return this.#imported(full);
      if (!prefix.includes(".")) break;
    }
    return this.#imported(name);
  }

  #imported(full) {
    const found = this.#kinds.get(full);
    if (found === undefined) throw new Error(`${this.#package}: unknown type ${full}`);
    if (found.file !== this.#name) this.imports.add(`${found.file}.proto`);
    return full;
  }

  #service(name, node) {
    return create(ServiceDescriptorProtoSchema, {
      name,
      method: Object.entries(node.methods).map(
        ([method, { requestType, responseType, requestStream, responseStream }]) => ({
          name: method,
          inputType: `.${this.#resolve(requestType, this.#package)}`,
          outputType: `.${this.#resolve(responseType, this.#package)}`,
          clientStreaming: requestStream === true,
          serverStreaming: responseStream === true,
        }),
      ),
    });
  }

  #extension(name, node) {
    if (!node.extend.startsWith("google.protobuf.")) throw new Error(`${name} extends ${node.extend}`);
    this.imports.add(DESCRIPTOR_FILE);
    return create(FieldDescriptorProtoSchema, {
      name,
      number: node.id,
      label: Label.OPTIONAL,
      extendee: `.${node.extend}`,
      ...this.#type(node.type, this.#package),
    });
  }

  /** `(package.extension).field: value` entries, encoded as the extension's message. */
  #messageOptions(options, full) {
    const encoded = new Map();
    for (const [key, value] of Object.entries(options)) {
      if (key === "deprecated") continue;
      const match = /^\(([\w.]+)\)\.(\w+)$/.exec(key);
      if (match === null) throw new Error(`${full}: option ${key}`);
      const extensionName = this.#resolve(match[1], this.#package);
      const extension = this.#kinds.get(extensionName).node;
      const type = this.#resolve(extension.type, extensionName);
      const field = this.#kinds.get(type).node.fields[match[2]];
      const writer = encoded.get(extension.id) ?? new BinaryWriter();
      encoded.set(extension.id, writer.tag(field.id, 0).int32(this.#optionNumber(field.type, value, type)));
    }
    if (encoded.size === 0) return undefined;
    const message = create(MessageOptionsSchema);
    message.$unknown = [...encoded].map(([no, writer]) => {
      const bytes = writer.finish();
      return { no, wireType: 2, data: new BinaryWriter().uint32(bytes.length).raw(bytes).finish() };
    });
    return message;
  }

  #optionNumber(type, value, scope) {
    if (typeof value === "number") return value;
    const values = this.#kinds.get(this.#resolve(type, scope)).node.values;
    if (values?.[value] === undefined) throw new Error(`option value ${value} is not of ${type}`);
    return values[value];
  }
}

function enumeration(name, node) {
  const entries = Object.entries(node.values);
  const numbers = new Set(entries.map(([, number]) => number));
  return create(EnumDescriptorProtoSchema, {
    name,
    value: entries.map(([name, number]) => ({ name, number })),
    ...(numbers.size < entries.length ? { options: { allowAlias: true } } : {}),
  });
}
