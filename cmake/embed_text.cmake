# cmake -DINPUT=<file> -DOUTPUT=<file.cc> -DHEADER=<include> -DFUNCTION=<Namespace::Function> -P embed_text.cmake
# Writes a .cc that defines std::string_view FUNCTION() with the bytes of INPUT. They are an array of
# numbers, since a compiler need not take a string literal of more than 65,536 characters.
cmake_minimum_required(VERSION 3.25)
file(READ ${INPUT} hex HEX)
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1,\n" bytes "${hex}")
file(WRITE ${OUTPUT} "#include \"${HEADER}\"\n\nstd::string_view ${FUNCTION}() {\n"
  "  static constexpr unsigned char kBytes[] = {\n${bytes}};\n"
  "  return {reinterpret_cast<const char*>(kBytes), sizeof(kBytes)};\n}\n")
