#pragma once
#include <libxml/SAX2.h>
#include <libxml/parser.h>

// Macros that Swift does not import.
static const unsigned int xml_sax2_magic = XML_SAX2_MAGIC;
static const int xml_parse_nonet = XML_PARSE_NONET;
