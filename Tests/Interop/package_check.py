#!/usr/bin/env python3
"""Checks the Salesforce package of `salesforce/` without Salesforce.

    bin/setup --interop
    .build/interop/bin/python Tests/Interop/package_check.py salesforce config/mapping.json

- All Apex parses (tree-sitter's grammar of Apex). All XML and JSON parses.
- XML has the elements of its metadata type, and the required ones (Metadata API Developer Guide, version 66.0).
- Objects, fields, classes and methods that Apex, pages, components and permission sets name exist in the project.
- The manifest lists what the project has.
- The Apex of the registration, evaluated here, gives the request of the static resource RegistrationFixture.
- The custom fields of the default mapping exist.

Exits with 1 if something is not as it should be, after it printed everything that it found.
"""
import hashlib
import hmac
import json
import pathlib
import re
import sys

from lxml import etree
from tree_sitter_language_pack import get_parser

NAMESPACE = "{http://soap.sforce.com/2006/04/metadata}"
FAILURES = []


def check(what, problems):
    """Prints one line per check; `problems` is a list of texts."""
    FAILURES.extend(problems)
    print(("ok      " if not problems else "FAILED  ") + what)
    for problem in problems:
        print("        " + problem)


# Metadata types: folder, suffix, required and other elements. None: the element's content is not checked.
TYPES = {
    "ApexClass": ("classes", ".cls-meta.xml", "apiVersion status", ""),
    "ApexPage": ("pages", ".page-meta.xml", "apiVersion label", "availableInTouch confirmationTokenRequired description"),
    "CustomApplication": ("applications", ".app-meta.xml", "label", "description formFactors isNavAutoTempTabsDisabled "
                          "isNavPersonalizationDisabled navType tabs uiType utilityBar logo brand"),
    "CustomTab": ("tabs", ".tab-meta.xml", "motif", "customObject label lwcComponent page description"),
    "CustomObject": ("objects", ".object-meta.xml", "label", "customSettingsType deploymentStatus description "
                     "enableActivities enableBulkApi enableFeeds enableHistory enableReports enableSearch enableSharing "
                     "enableStreamingApi nameField pluralLabel sharingModel visibility"),
    "CustomField": ("objects", ".field-meta.xml", "fullName label type", "caseSensitive defaultValue deleteConstraint "
                    "description externalId inlineHelpText length precision referenceTo relationshipLabel "
                    "relationshipName required scale unique valueSet visibleLines"),
    "ExternalClientApplication": ("externalClientApps", ".eca-meta.xml", "contactEmail distributionState label",
                                  "description isProtected iconUrl infoUrl logoUrl orgScopedExternalApp"),
    "ExtlClntAppOauthSettings": ("extlClntAppOauthSettings", ".ecaOauth-meta.xml",
                                 "commaSeparatedOauthScopes externalClientApplication label", "oauthLink singleLogoutUrl"),
    "ExtlClntAppGlobalOauthSettings": (
        "extlClntAppGlobalOauthSets", ".ecaGlblOauth-meta.xml", "callbackUrl externalClientApplication label",
        "isConsumerSecretOptional isIntrospectAllTokens isPkceRequired isSecretRequiredForRefreshToken "
        "shouldRotateConsumerKey shouldRotateConsumerSecret"),
    "ExtlClntAppCanvasSettings": (
        "extlClntAppCanvasSettings", ".ecaCanvas-meta.xml", "accessMethod canvasUrl externalClientApplication label",
        "canvasLocationOptions canvasOptions lifecycleClass samlInitiationMethod"),
    "LightningComponentBundle": ("lwc", ".js-meta.xml", "apiVersion isExposed", "description masterLabel targets"),
    "PermissionSet": ("permissionsets", ".permissionset-meta.xml", "label", "applicationVisibilities classAccesses "
                      "description fieldPermissions hasActivationRequired objectPermissions pageAccesses tabSettings "
                      "userPermissions"),
    "PlatformEventChannel": ("platformEventChannels", ".platformEventChannel-meta.xml", "channelType label", ""),
    "PlatformEventChannelMember": ("platformEventChannelMembers", ".platformEventChannelMember-meta.xml",
                                   "eventChannel selectedEntity", "enrichedFields filterExpression"),
    "RemoteSiteSetting": ("remoteSiteSettings", ".remoteSite-meta.xml", "disableProtocolSecurity isActive url", "description"),
    "StaticResource": ("staticresources", ".resource-meta.xml", "cacheControl contentType", "description"),
}
# Elements with a fixed set of values.
VALUES = {
    ("ApexClass", "status"): "Active",
    ("ExternalClientApplication", "distributionState"): "Local Packageable",
    ("ExtlClntAppCanvasSettings", "accessMethod"): "Get Post",
    ("ExtlClntAppCanvasSettings", "canvasLocationOptions"): "Aura AppLauncher Chatter ChatterFeed MobileNav "
    "OpenCTI PageLayout Publisher ServiceDesk UserProfile Visualforce None",
    ("ExtlClntAppCanvasSettings", "canvasOptions"): "HideHeader HideShare PersonalEnabled",
    ("ExtlClntAppCanvasSettings", "samlInitiationMethod"): "None IdpInitiated SpInitiated",
    ("CustomObject", "customSettingsType"): "Hierarchy List",
    ("CustomObject", "deploymentStatus"): "Deployed InDevelopment",
    ("CustomObject", "sharingModel"): "Private Read ReadWrite ControlledByParent",
    ("CustomObject", "visibility"): "Public Protected",
    ("CustomField", "type"): "AutoNumber Checkbox Currency Date DateTime Email LongTextArea Lookup Number Percent Phone "
    "Picklist Text TextArea Url",
    ("CustomField", "deleteConstraint"): "SetNull Restrict Cascade",
    ("PlatformEventChannel", "channelType"): "data event",
    ("StaticResource", "cacheControl"): "Private Public",
}
# What a field's type needs.
NEEDS = {"Text": "length", "LongTextArea": "length visibleLines", "Number": "precision scale", "Percent": "precision scale",
         "Picklist": "valueSet", "Lookup": "referenceTo relationshipName", "Checkbox": "defaultValue"}
PERMISSION_PARTS = {
    "applicationVisibilities": "application visible", "classAccesses": "apexClass enabled",
    "fieldPermissions": "editable field readable", "pageAccesses": "apexPage enabled", "tabSettings": "tab visibility",
    "objectPermissions": "allowCreate allowDelete allowEdit allowRead modifyAllRecords object viewAllRecords",
}
STANDARD_FIELDS = {"Id", "Name", "CreatedDate", "CreatedById", "LastModifiedDate", "LastModifiedById", "OwnerId",
                   "SystemModstamp", "IsDeleted"}
STANDARD_OBJECTS = {
    "Organization": {"Id", "Name"}, "User": {"Id", "Email", "Name"}, "StaticResource": {"Body", "Name"},
    "Account": STANDARD_FIELDS, "Contact": STANDARD_FIELDS,
}
# Types of Apex that the classes use.
SYSTEM_TYPES = set(
    "String Integer Long Boolean Object Blob Id Datetime Date Decimal List Map Set Exception CalloutException HttpRequest "
    "HttpResponse Http HttpCalloutMock JSONGenerator RestResponse RestRequest Pattern InstallHandler InstallContext "
    "Queueable QueueableContext Version Database AllowsCallouts System void".split())


def text(node, name):
    found = node.find(NAMESPACE + name)
    return None if found is None else (found.text or "").strip()


def texts(node, name):
    return [(found.text or "").strip() for found in node.iter(NAMESPACE + name)]


def local(element):
    return etree.QName(element).localname


class Project:
    """The files of the project, parsed."""

    def __init__(self, root):
        self.root = root
        self.source = root / "force-app/main/default"
        self.xml, self.unreadable = {}, []
        for path in sorted(root.rglob("*.xml")):
            try:
                self.xml[path] = etree.parse(str(path), etree.XMLParser(resolve_entities=False)).getroot()
            except etree.XMLSyntaxError as error:
                self.unreadable.append(f"{path.relative_to(root)}: {error}")
        for path in sorted(root.rglob("*.page")) + sorted(root.rglob("lwc/*/*.html")):
            # Markup of pages and components is XML, apart from unquoted expressions.
            markup = re.sub(r"=\{([^}]*)\}", r'="{\1}"', path.read_text()).replace("lwc:", "lwc-").replace("apex:", "apex-")
            markup = re.sub(r"\b(for|slot|key):", r"\1-", markup)
            markup = re.sub(r"<template lwc-else>", '<template lwc-else="">', markup)
            try:
                etree.fromstring(markup)
            except etree.XMLSyntaxError as error:
                self.unreadable.append(f"{path.relative_to(root)}: {error}")
        parser = get_parser("apex")
        self.apex = {path: parser.parse(path.read_bytes()) for path in sorted(root.rglob("*.cls"))}
        self.objects = self.read_objects()
        self.classes = {path.stem for path in self.apex}

    def name(self, path):
        return str(path.relative_to(self.root))

    def read_objects(self):
        """Fields by object."""
        objects = {}
        for path, node in self.xml.items():
            if local(node) == "CustomObject":
                objects.setdefault(path.name.split(".")[0], set()).update(STANDARD_FIELDS)
            elif local(node) == "CustomField":
                objects.setdefault(path.parent.parent.name, set()).add(text(node, "fullName"))
        return objects

    def members(self, kind):
        folder, suffix = TYPES[kind][:2]
        if kind == "LightningComponentBundle":
            return {path.name for path in (self.source / folder).iterdir() if path.is_dir()}
        return {path.name[:-len(suffix)] for path in (self.source / folder).rglob("*" + suffix)}


def check_xml(project):
    problems = []
    for path, node in project.xml.items():
        kind, where = local(node), project.name(path)
        if kind == "Package":
            continue
        if kind not in TYPES:
            problems.append(f"{where}: {kind} is not a metadata type of this check")
            continue
        folder, suffix, required, other = TYPES[kind]
        if folder not in path.parts or not path.name.endswith(suffix):
            problems.append(f"{where}: {kind} belongs to {folder}/*{suffix}")
        if node.tag != NAMESPACE + kind:
            problems.append(f"{where}: wrong namespace")
        children = [local(child) for child in node if isinstance(child.tag, str)]
        problems += [f"{where}: {name} is missing" for name in required.split() if not text(node, name)
                     and not len(node.findall(f"{NAMESPACE}{name}/*")) and not (kind == "CustomTab" and name == "label")]
        problems += [f"{where}: unknown element {name}" for name in children if name not in (required + " " + other).split()]
        for (owner, name), allowed in VALUES.items():
            if owner == kind:
                problems += [f"{where}: {name} is {value}" for value in
                             [(child.text or "").strip() for child in node.findall(NAMESPACE + name)]
                             if value not in allowed.split()]
        if kind == "CustomField":
            if text(node, "fullName") != path.name[:-len(suffix)]:
                problems.append(f"{where}: fullName is {text(node, 'fullName')}")
            problems += [f"{where}: a {text(node, 'type')} needs {name}" for name in NEEDS.get(text(node, "type"), "").split()
                         if node.find(NAMESPACE + name) is None]
        if kind == "CustomTab" and len([name for name in ("customObject", "lwcComponent", "page") if name in children]) != 1:
            problems.append(f"{where}: a tab shows one thing")
        if kind == "PermissionSet":
            for child in node:
                needed = PERMISSION_PARTS.get(local(child))
                if needed and sorted(local(part) for part in child) != sorted(needed.split()):
                    problems.append(f"{where}: {local(child)} needs exactly {needed}")
    check(f"{len(project.xml)} XML files have the elements of their metadata types", problems)


def check_references(project):
    """Names in metadata."""
    problems = []

    def need(where, what, name, known):
        if name not in known:
            problems.append(f"{where}: {what} {name} does not exist")

    apps = project.members("ExternalClientApplication")
    for path, node in project.xml.items():
        kind, where = local(node), project.name(path)
        if kind == "PermissionSet":
            for name in texts(node, "apexClass"):
                need(where, "class", name, project.classes)
            for name in texts(node, "apexPage"):
                need(where, "page", name, project.members("ApexPage"))
            for name in texts(node, "object"):
                need(where, "object", name, project.objects)
            for name in texts(node, "application"):
                need(where, "application", name, project.members("CustomApplication"))
            for name in texts(node, "tab"):
                need(where, "tab", name, project.members("CustomTab"))
            for name in texts(node, "field"):
                owner, field = name.split(".")
                need(where, "field", name, {f"{owner}.{known}" for known in project.objects.get(owner, ())})
                if owner == "Heroku_Config__c":
                    problems.append(f"{where}: the protected setting has no field permissions")
            if any(name in STANDARD_OBJECTS for name in texts(node, "object")):
                problems.append(f"{where}: a managed package cannot grant permissions on standard objects")
        elif kind == "CustomTab":
            if text(node, "lwcComponent"):
                need(where, "component", text(node, "lwcComponent"), project.members("LightningComponentBundle"))
            else:
                need(where, "object", path.name.split(".")[0], project.objects)
        elif kind == "CustomApplication":
            for name in texts(node, "tabs"):
                need(where, "tab", name, project.members("CustomTab"))
        elif kind == "CustomField" and text(node, "referenceTo"):
            need(where, "object", text(node, "referenceTo"), set(project.objects) | set(STANDARD_OBJECTS))
        elif kind == "PlatformEventChannelMember":
            need(where, "channel", text(node, "eventChannel"), project.members("PlatformEventChannel"))
            entity = text(node, "selectedEntity")
            name = re.sub(r"ChangeEvent$", "", entity)
            name = name + "c" if name.endswith("__") else name
            need(where, "object of", name, set(project.objects) | set(STANDARD_OBJECTS))
        elif kind.startswith("ExtlClntApp"):
            need(where, "app", text(node, "externalClientApplication"), apps)
    check("names in metadata exist", problems)


def check_manifest(project):
    node = project.xml[project.root / "manifest/package.xml"]
    listed = {text(part, "name"): set(texts(part, "members")) for part in node.findall(NAMESPACE + "types")}
    problems = []
    for kind in TYPES:
        if kind in ("CustomField", "ExtlClntAppGlobalOauthSettings"):
            continue
        if listed.get(kind, set()) != project.members(kind):
            problems.append(f"manifest/package.xml: {kind}: {sorted(listed.get(kind, set()) ^ project.members(kind))}")
    problems += [f"manifest/package.xml: {kind} is not in the project" for kind in listed if kind not in TYPES]
    version = json.loads((project.root / "sfdx-project.json").read_text())["sourceApiVersion"]
    if text(node, "version") != version:
        problems.append(f"manifest/package.xml: version {text(node, 'version')} is not {version}")
    for path, other in project.xml.items():
        if text(other, "apiVersion") not in (None, version):
            problems.append(f"{project.name(path)}: apiVersion is not {version}")
    check("the manifest lists what the project has, with one API version", problems)


def walk(node):
    yield node
    for child in node.children:
        yield from walk(child)


def word(node):
    return node.text.decode()


def errors(tree):
    return [node for node in walk(tree.root_node) if node.type == "ERROR" or node.is_missing]


def check_apex_syntax(project):
    problems = []
    for path, tree in project.apex.items():
        problems += [f"{project.name(path)}:{node.start_point[0] + 1}: syntax error at {word(node)[:40]!r}"
                     for node in errors(tree)]
        if tree.root_node.has_error and not errors(tree):
            problems.append(f"{project.name(path)}: syntax error")
        if not (path.parent / (path.name + "-meta.xml")).exists():
            problems.append(f"{project.name(path)}: has no metadata file")
        declared = [word(node.child_by_field_name("name")) for node in tree.root_node.children
                    if node.type.endswith("_declaration") and node.child_by_field_name("name")]
        if declared != [path.stem]:
            problems.append(f"{project.name(path)}: declares {declared}")
    check(f"{len(project.apex)} Apex classes parse", problems)


def types_of_variables(root):
    """The declared type of each variable, by name."""
    types = {}
    for node in walk(root):
        kind = node.child_by_field_name("type")
        if kind is None:
            continue
        names = [child.child_by_field_name("name") for child in node.children if child.type == "variable_declarator"]
        if node.type != "method_declaration":
            names.append(node.child_by_field_name("name"))
        for name in names:
            if name is not None:
                types[word(name)] = word(kind)
    return types


def scoped(tree):
    """Each node, with the types of the variables of its method and of its class."""
    of_class = {}
    for node in walk(tree.root_node):
        if node.type == "field_declaration":
            of_class.update(types_of_variables(node))

    def visit(node, types):
        if node.type in ("method_declaration", "constructor_declaration"):
            types = {**of_class, **types_of_variables(node)}
        yield node, types
        for child in node.children:
            yield from visit(child, types)

    return visit(tree.root_node, of_class)


def check_apex_names(project):
    problems = []
    known = {**STANDARD_OBJECTS, **project.objects}

    members = {path.stem: declared_members(tree) for path, tree in project.apex.items()}

    def need_field(where, owner, field):
        if owner in known and field not in known[owner]:
            problems.append(f"{where}: {owner} has no field {field}")
        if owner in members and field not in members[owner]:
            problems.append(f"{where}: {owner} has no member {field}")

    every_field = set().union(*project.objects.values())
    inner = {word(node.child_by_field_name("name")) for tree in project.apex.values() for node in walk(tree.root_node)
             if node.type == "class_declaration"}
    for path, tree in project.apex.items():
        for node, types in scoped(tree):
            where = f"{project.name(path)}:{node.start_point[0] + 1}"
            if node.type in ("identifier", "type_identifier") and re.search(r"__\w$", word(node)):
                if word(node) not in every_field and word(node) not in project.objects:
                    problems.append(f"{where}: {word(node)} is in no metadata")
            if node.type == "type_identifier" and node.parent.type != "dml_expression":
                name = word(node)
                if name not in SYSTEM_TYPES | project.classes | inner | set(known):
                    problems.append(f"{where}: unknown type {name}")
            if node.type == "soql_query_body":
                sources = [word(part) for part in walk(node) if part.type == "storage_identifier"]
                if len(sources) == 1:
                    if sources[0] not in known:
                        problems.append(f"{where}: unknown object {sources[0]}")
                    for part in walk(node):
                        if part.type == "field_identifier":
                            need_field(where, sources[0], word(part))
            if node.type == "object_creation_expression":
                owner = word(node.child_by_field_name("type"))
                if owner in project.objects:
                    for part in walk(node):
                        if part.type == "assignment_expression":
                            need_field(where, owner, word(part.child_by_field_name("left")))
            if node.type == "field_access":
                variable = word(node.child_by_field_name("object"))
                need_field(where, types.get(variable, ""), word(node.child_by_field_name("field")))
            if node.type == "method_invocation" and node.child_by_field_name("object") is not None:
                owner = types.get(word(node.child_by_field_name("object")), "")
                if owner in members:
                    need_field(where, owner, word(node.child_by_field_name("name")))
            if node.type == "dml_expression" and word(node).startswith("upsert "):
                parts = word(node).split()
                if len(parts) == 3:
                    need_field(where, types.get(parts[1], ""), parts[2])
        check_static_calls(project, path, tree, problems)
    check("objects, fields and types in Apex exist", problems)


def declared_members(tree):
    names = set()
    for node in walk(tree.root_node):
        if node.type in ("method_declaration", "class_declaration", "variable_declarator"):
            names.add(word(node.child_by_field_name("name")))
    return names


def check_static_calls(project, path, tree, problems):
    """`Class.member` of the project's own classes."""
    members = {other.stem: declared_members(parsed) for other, parsed in project.apex.items()}
    for node in walk(tree.root_node):
        if node.type in ("method_invocation", "field_access"):
            owner = node.child_by_field_name("object")
            name = node.child_by_field_name("name") or node.child_by_field_name("field")
            if owner is not None and name is not None and word(owner) in members:
                if word(name) not in members[word(owner)] and word(name) != "class":
                    problems.append(f"{project.name(path)}:{node.start_point[0] + 1}: "
                                    f"{word(owner)} has no member {word(name)}")


def check_installer_classes(project):
    """Salesforce refuses a post-install script that uses a class with sharing."""
    problems, seen, queue = [], set(), ["HerokuConnectSetup"]
    texts_of = {path.stem: path.read_text() for path in project.apex}
    while queue:
        name = queue.pop()
        if name in seen:
            continue
        seen.add(name)
        if not re.search(rf"(public|global) without sharing class {name}\b", texts_of[name]):
            problems.append(f"{name}: used by the post-install script, but not without sharing")
        queue += [other for other in texts_of if re.search(rf"\b{other}\b", texts_of[name]) and "@IsTest" not in texts_of[other]]
    check(f"{len(seen)} classes of the post-install script are without sharing", problems)


def check_surface(project):
    """Pages and components call methods that exist."""
    problems = []
    for path in sorted(project.root.rglob("lwc/*/*.js")):
        for owner, method in re.findall(r"@salesforce/apex/(\w+)\.(\w+)", path.read_text()):
            source = (project.source / "classes" / f"{owner}.cls")
            if not source.exists() or not re.search(rf"@AuraEnabled\s+public static \w+ {method}\(", source.read_text()):
                problems.append(f"{project.name(path)}: {owner}.{method} is not @AuraEnabled")
    for path in sorted(project.root.rglob("*.page")):
        markup = path.read_text()
        owner = re.search(r'controller="(\w+)"', markup).group(1)
        source = (project.source / "classes" / f"{owner}.cls").read_text()
        for name in set(re.findall(r"\{!(\w+)\.", markup)) - {"entry"}:
            if f"get{name[0].upper()}{name[1:]}(" not in source:
                problems.append(f"{project.name(path)}: {owner} has no get{name[0].upper()}{name[1:]}")
        for name in re.findall(r'canvasApp[^>]*developerName="(\w+)"', markup):
            if name not in project.members("ExternalClientApplication"):
                problems.append(f"{project.name(path)}: there is no canvas app {name}")
    # A component gets fields of records with the package's prefix, so neither names any.
    members = set(re.findall(r"public [\w<>]+ (\w+) \{ get; set; \}", (
        project.source / "classes/ConnectionPanelController.cls").read_text()))
    for path in sorted(project.root.rglob("*.page")) + sorted(project.root.rglob("lwc/*/*.html")):
        for owner, name in re.findall(r"\{!?(entry|panel)\.(\w+)", path.read_text()):
            if name not in members:
                problems.append(f"{project.name(path)}: {owner} has no member {name}")
    project_file = json.loads((project.root / "sfdx-project.json").read_text())
    for directory in project_file["packageDirectories"]:
        script = directory.get("postInstallScript")
        if script and script not in project.classes:
            problems.append(f"sfdx-project.json: class {script} does not exist")
    for rule in project_file["replacements"]:
        files = project.root.glob(rule.get("glob", rule.get("filename")))
        if not any(rule["stringToReplace"] in path.read_text() for path in files if path.is_file()):
            problems.append(f"sfdx-project.json: {rule['stringToReplace']} is in no file")
    check("pages, components and the project file name things that exist", problems)


class Request:
    """Evaluates the methods `body`, `request` and `signature` of OrgRegistration: the subset of Apex that they use."""

    def __init__(self, tree, facts):
        self.methods, self.values = {}, {}
        for node in walk(tree.root_node):
            if node.type == "method_declaration":
                self.methods[word(node.child_by_field_name("name"))] = node
            if node.type == "field_declaration":
                for part in node.children:
                    if part.type == "variable_declarator" and part.child_by_field_name("value") is not None:
                        self.values[word(part.child_by_field_name("name"))] = self.value(part.child_by_field_name("value"))
        self.values.update(facts)
        self.headers, self.method, self.url, self.sent = [], None, None, None
        self.json = None

    def run(self, name, arguments=()):
        node = self.methods[name]
        parameters = [word(part.child_by_field_name("name")) for part in walk(node.child_by_field_name("parameters"))
                      if part.type == "formal_parameter"]
        outer = dict(self.values)
        self.values.update(zip(parameters, arguments))
        result = self.block(node.child_by_field_name("body"))
        self.values = outer
        return result

    def block(self, node):
        for statement in node.named_children:
            if statement.type == "return_statement":
                return self.value(statement.named_children[0])
            if statement.type == "if_statement":
                if self.value(statement.child_by_field_name("condition")):
                    self.block(statement.child_by_field_name("consequence"))
            elif statement.type == "local_variable_declaration":
                for part in statement.named_children:
                    if part.type == "variable_declarator":
                        name = word(part.child_by_field_name("name"))
                        self.values[name] = self.value(part.child_by_field_name("value"))
            elif statement.type == "expression_statement":
                self.value(statement.named_children[0])
            elif "comment" not in statement.type:
                raise ValueError(f"statement {statement.type}")
        return None

    def value(self, node):
        kind = node.type
        if kind == "string_literal":
            return word(node)[1:-1].replace("\\'", "'")
        if kind == "int":
            return int(word(node))
        if kind == "boolean":
            return word(node) == "true"
        if kind == "null_literal":
            return None
        if kind == "identifier":
            return self.values[word(node)]
        if kind == "parenthesized_expression":
            return self.value(node.named_children[0])
        if kind == "object_creation_expression":
            return word(node.child_by_field_name("type"))
        if kind == "binary_expression":
            left, right = self.value(node.child_by_field_name("left")), self.value(node.child_by_field_name("right"))
            operator = word(node.child_by_field_name("operator"))
            return {"+": lambda: left + right, "!=": lambda: left != right}[operator]()
        if kind == "method_invocation":
            owner = node.child_by_field_name("object")
            arguments = [self.value(part) for part in node.child_by_field_name("arguments").named_children]
            return self.call(word(owner) if owner is not None else None, word(node.child_by_field_name("name")), arguments)
        raise ValueError(f"expression {kind}: {word(node)}")

    def call(self, owner, name, arguments):
        if owner is None:
            return self.run(name, arguments)
        if (owner, name) == ("JSON", "createGenerator"):
            if arguments != [False]:
                raise ValueError("the generator indents")
            self.json = ""
            return "JSONGenerator"
        if owner == "generator":
            return self.generate(name, arguments)
        if owner == "request":
            if name == "setHeader":
                self.headers.append(arguments)
            else:
                attribute = {"setMethod": "method", "setEndpoint": "url", "setBody": "sent", "setTimeout": "timeout"}[name]
                setattr(self, attribute, arguments[0])
            return None
        calls = {
            ("String", "valueOf"): str,
            ("Blob", "valueOf"): lambda value: value.encode(),
            ("EncodingUtil", "convertToHex"): lambda value: value.hex(),
            ("Crypto", "generateMac"): lambda algorithm, message, key: hmac.new(
                key, message, {"hmacsha256": hashlib.sha256}[algorithm.lower()]).digest(),
        }
        return calls[owner, name](*arguments)

    def generate(self, name, arguments):
        if name == "getAsString":
            return self.json
        if name == "writeStartObject":
            self.json += "{"
        elif name == "writeEndObject":
            self.json += "}"
        elif name == "writeStringField":
            # JSONGenerator escapes quotes, backslashes and control characters, and writes all else as UTF-8.
            comma = "" if self.json.endswith("{") else ","
            self.json += f"{comma}{json.dumps(arguments[0])}:{json.dumps(arguments[1], ensure_ascii=False)}"
        else:
            raise ValueError(f"generator.{name}")


def check_registration(project):
    fixture = json.loads((project.source / "staticresources/RegistrationFixture.json").read_text())
    expected = fixture["request"]
    tree = project.apex[project.source / "classes/OrgRegistration.cls"]
    names = ("organizationId", "organizationName", "adminEmail", "myDomain")
    problems = []
    try:
        request = Request(tree, {name: fixture[name] for name in names})
        request.run("request", [fixture["applicationUrl"], fixture["secret"], fixture["seconds"]])
        for what, mine, theirs in (("method", request.method, expected["method"]), ("url", request.url, expected["url"]),
                                   ("body", request.sent, expected["body"]), ("headers", request.headers, expected["headers"])):
            if mine != theirs:
                problems.append(f"{what}: the Apex gives {mine!r}, the fixture has {theirs!r}")
        unsigned = Request(tree, {name: fixture[name] for name in names})
        unsigned.run("request", [fixture["applicationUrl"], None, fixture["seconds"]])
        if unsigned.headers != expected["headers"][:2] or unsigned.sent != expected["body"]:
            problems.append(f"without a secret the headers are {unsigned.headers}")
    except (KeyError, ValueError) as error:
        problems.append(f"OrgRegistration uses Apex that this check does not evaluate: {error}")
    check("the Apex of the registration gives the fixture's request, byte for byte", problems)


def check_mapping(project, mapping):
    problems = []
    for entry in json.loads(mapping.read_text())["mappings"]:
        name, config = entry["object_name"], entry["config"]
        if name.endswith("__c"):
            problems += [f"{name}.{field}" for field in config["fields"] if field not in project.objects.get(name, ())]
    check("the default mapping's custom fields are in the package", problems)


def main(root, mapping):
    project = Project(root)
    check("XML, pages and components are well-formed", project.unreadable)
    if project.unreadable:
        return
    for path in (root / "sfdx-project.json", root / "config/project-scratch-def.json"):
        json.loads(path.read_text())
    check_xml(project)
    check_references(project)
    check_manifest(project)
    check_apex_syntax(project)
    check_apex_names(project)
    check_installer_classes(project)
    check_surface(project)
    check_registration(project)
    check_mapping(project, mapping)


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]))
    sys.exit(1 if FAILURES else 0)
